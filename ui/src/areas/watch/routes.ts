import { alarms } from "../../lib/live";
import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { HttpApi } from "./api";
import { Health } from "./health";
import { SlowConsumers } from "./slow";
import { t } from "./words";

export const routes: Route[] = [
  { path: "/slow", page: SlowConsumers, title: () => t.slow },
  { path: "/health", page: Health, title: () => t.health },
  { path: "/http-api", page: HttpApi, title: () => t.api },
];

export const entries: Entry[] = [
  { group: "see", order: 80, path: "/slow", icon: "slow", label: () => t.slow },
  { group: "see", order: 90, path: "/health", icon: "alarm", label: () => t.health, tally: () => alarms.value.length || undefined },
  { group: "admin", order: 90, path: "/http-api", icon: "code", label: () => t.api },
];
