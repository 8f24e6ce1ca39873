import { total } from "../../lib/live";
import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { Group } from "./group";
import { Groups } from "./groups";
import { t } from "./words";

export const routes: Route[] = [
  { path: "/groups", page: Groups, title: () => t.groups },
  { path: "/groups/:group", page: Group, title: (params) => params["group"] ?? t.group },
];

export const entries: Entry[] = [{ group: "see", order: 20, path: "/groups", icon: "groups", label: () => t.groups, tally: () => total("groups") }];
