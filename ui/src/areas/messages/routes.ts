import { link, type Route } from "../../lib/router";
import type { Entry, Offer } from "../../shell/registry";
import { QueueMessages, TopicMessages } from "./browser";
import { Dead } from "./dead";
import { DelayedMessages } from "./delayed";
import { Jobs, OneJob } from "./jobs";
import { Start } from "./start";
import { Transactions } from "./transactions";
import { t } from "./words";

export const routes: Route[] = [
  { path: "/messages", page: Start, title: () => t.messages },
  { path: "/messages/:vhost/:queue", page: QueueMessages, title: (params) => `${params["queue"]} · ${t.messages}` },
  { path: "/records/:topic/:partition", page: TopicMessages, title: (params) => `${params["topic"]} · ${t.messages}`, section: "/messages" },
  { path: "/dead-letters", page: Dead, title: () => t.deadTitle },
  { path: "/delayed", page: DelayedMessages, title: () => t.delayedTitle },
  { path: "/transactions", page: Transactions, title: () => t.transactionsTitle },
  { path: "/jobs", page: Jobs, title: () => t.jobsTitle },
  { path: "/jobs/:id", page: OneJob, title: () => t.job },
];

export const entries: Entry[] = [
  { group: "messages", order: 10, path: "/messages", icon: "messages", label: () => t.messages },
  { group: "messages", order: 20, path: "/dead-letters", icon: "dead", label: () => t.deadLetters },
  { group: "messages", order: 30, path: "/delayed", icon: "clock", label: () => t.delayed },
  { group: "messages", order: 35, path: "/transactions", icon: "clock", label: () => t.transactions },
  { group: "messages", order: 40, path: "/jobs", icon: "jobs", label: () => t.jobs },
];

export const offers: Offer[] = [
  { of: "queue", icon: "messages", label: () => t.browse, href: (...names) => link("messages", ...names) },
  { of: "topic", icon: "messages", label: () => t.browse, href: (topic = "") => link("records", topic, "0") },
];
