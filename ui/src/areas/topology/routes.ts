import { linkWith, type Route } from "../../lib/router";
import type { Entry, Offer } from "../../shell/registry";
import { Topology } from "./page";
import { t } from "./words";

export const routes: Route[] = [{ path: "/topology", page: Topology, title: () => t.title }];
export const entries: Entry[] = [{ group: "routes", order: 90, path: "/topology", icon: "topology", label: () => t.title }];

const around = (kind: "e" | "q") => (vhost = "/", name = "") => linkWith({ vhost, focus: `${kind}:${name === "amq.default" ? "" : name}` }, "topology");

export const offers: Offer[] = [
  { of: "queue", icon: "topology", label: () => t.title, href: around("q") },
  { of: "exchange", icon: "topology", label: () => t.title, href: around("e") },
];
