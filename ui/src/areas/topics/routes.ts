import { total } from "../../lib/live";
import type { Route } from "../../lib/router";
import type { Entry } from "../../shell/registry";
import { Topic } from "./topic";
import { Topics } from "./topics";
import { t } from "./words";

export const routes: Route[] = [
  { path: "/topics", page: Topics, title: () => t.topics },
  { path: "/topics/:topic", page: Topic, title: (params) => params["topic"] ?? t.topic },
];

export const entries: Entry[] = [{ group: "routes", order: 30, path: "/topics", icon: "topics", label: () => t.topics, tally: () => total("topics") }];
