import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { Topology } from "./page";
import { t } from "./words";

export const routes: Route[] = [{ path: "/topology", page: Topology, title: () => t.title }];
export const entries: Entry[] = [{ group: "routes", order: 90, path: "/topology", icon: "topology", label: () => t.title }];
