import { total } from "../../lib/live";
import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { Channel } from "./channel";
import { Channels } from "./channels";
import { Connection } from "./connection";
import { Connections } from "./connections";
import { t } from "./words";

export const routes: Route[] = [
  { path: "/connections", page: Connections, title: () => t.connections },
  { path: "/connections/:connection", page: Connection, title: (params) => params["connection"] ?? t.connection },
  { path: "/channels", page: Channels, title: () => t.channels },
  { path: "/channels/:channel", page: Channel, title: (params) => params["channel"] ?? t.channel },
];

export const entries: Entry[] = [
  { group: "see", order: 10, path: "/connections", icon: "connections", label: () => t.connections, tally: () => total("connections") },
  { group: "see", order: 11, path: "/channels", icon: "channels", label: () => t.channels, tally: () => total("channels") },
];
