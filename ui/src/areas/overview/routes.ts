import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { Overview } from "./overview";
import { t } from "./words";

export const routes: Route[] = [{ path: "/", page: Overview, title: () => t.overview, section: "/" }];

export const entries: Entry[] = [{ group: "see", order: 0, path: "/", icon: "overview", label: () => t.overview }];
