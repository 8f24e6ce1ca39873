import { total } from "../../lib/live";
import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { t } from "../messaging/words";
import { Exchange } from "./exchange";
import { Exchanges } from "./exchanges";

export const routes: Route[] = [
  { path: "/exchanges", page: Exchanges, title: () => t.exchanges },
  { path: "/exchanges/:vhost/:exchange", page: Exchange, title: (params) => params["exchange"] ?? t.exchange },
];

export const entries: Entry[] = [{ group: "routes", order: 10, path: "/exchanges", icon: "exchanges", label: () => t.exchanges, tally: () => total("exchanges") }];
