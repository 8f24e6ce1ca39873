import type { Route } from "../../lib/router";
import { isAdministrator } from "../../lib/session";
import type { Entry } from "../../shell/registry";
import { Audit } from "./audit";
import { Definitions } from "./definitions";
import { LimitsPage } from "./limits";
import { Policies } from "./policies";
import { OneUser } from "./user";
import { Users } from "./users";
import { OneVhost, Vhosts } from "./vhosts";
import { t } from "./words";

export const routes: Route[] = [
  { path: "/users", page: Users, title: () => t.users },
  { path: "/users/:user", page: OneUser, title: (params) => params["user"] ?? "" },
  { path: "/vhosts", page: Vhosts, title: () => t.vhosts },
  { path: "/vhosts/:vhost", page: OneVhost, title: (params) => params["vhost"] ?? "" },
  { path: "/policies", page: Policies, title: () => t.policies },
  { path: "/limits", page: LimitsPage, title: () => t.limitsTitle },
  { path: "/definitions", page: Definitions, title: () => t.definitions },
  { path: "/audit", page: Audit, title: () => t.audit },
];

const shown = () => isAdministrator.value;

export const entries: Entry[] = [
  { group: "admin", order: 10, path: "/users", icon: "users", label: () => t.users, shown },
  { group: "admin", order: 20, path: "/vhosts", icon: "vhosts", label: () => t.vhosts, shown },
  { group: "admin", order: 30, path: "/policies", icon: "policies", label: () => t.policies },
  { group: "admin", order: 40, path: "/limits", icon: "limits", label: () => t.limitsTitle, shown },
  { group: "admin", order: 50, path: "/definitions", icon: "definitions", label: () => t.definitions, shown },
  { group: "admin", order: 60, path: "/audit", icon: "audit", label: () => t.audit, shown },
];
