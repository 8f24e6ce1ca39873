import { linkWith, type Route } from "../../lib/router";
import { isAdministrator } from "../../lib/session";
import type { Entry, Offer } from "../../shell/registry";
import { Tracing } from "./page";
import { t } from "./words";

export const routes: Route[] = [{ path: "/trace", page: Tracing, title: () => t.title }];
export const entries: Entry[] = [{ group: "messages", order: 50, path: "/trace", icon: "trace", label: () => t.title, shown: () => isAdministrator.value }];
export const offers: Offer[] = [{ of: "queue", icon: "trace", label: () => t.trace, href: (vhost = "/", queue = "") => linkWith({ vhost, queue }, "trace") }];
