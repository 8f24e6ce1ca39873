import { total } from "../../lib/live";
import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { t } from "../messaging/words";
import { Queues } from "./queues";
import { Queue } from "./queue";

export const routes: Route[] = [
  { path: "/queues", page: Queues, title: () => t.queues },
  { path: "/queues/:vhost/:queue", page: Queue, title: (params) => params["queue"] ?? t.queue },
];

export const entries: Entry[] = [{ group: "routes", order: 20, path: "/queues", icon: "queues", label: () => t.queues, tally: () => total("queues") }];
