/** What the API says of messages and jobs: docs/how-to/browse-messages.md. */

export interface Message {
  position: string;
  timestamp: number | null;
  state: "ready" | "unacked" | "stored";
  redelivered: boolean;
  returns: number;
  exchange: string;
  routing_key: string;
  properties: Record<string, unknown>;
  headers: Record<string, unknown>;
  payload: string;
  payload_encoding: "string" | "base64";
  payload_bytes: number;
}

export interface MessagePage {
  messages: Message[];
  next: string | null;
}

/** Where messages are: a queue or stream of a virtual host, or a partition of a topic (all, if none is said). */
export type Source = { vhost: string; queue: string } | { topic: string; partition?: number };

export type Target = { queue: string; vhost?: string } | { exchange: string; routing_key?: string; vhost?: string };

export type Action = "search" | "delete" | "purge" | "requeue" | "move" | "copy" | "replay";

export const OPS = ["=", "!=", "<", "<=", ">", ">=", "contains", "starts", "exists", "missing"] as const;
export type Op = (typeof OPS)[number];

export interface Filter {
  routing_key?: string;
  exchange?: string;
  text?: string;
  ignore_case?: boolean;
  json?: { path: string; op: Op; value?: unknown }[];
  headers?: { name: string; op: Op; value?: unknown }[];
  properties?: { name: string; op: Op; value?: unknown }[];
  from?: number | string;
  to?: number | string;
  bytes_min?: number;
  bytes_max?: number;
  redelivered?: boolean;
  death?: { reason?: string; queue?: string; exchange?: string };
}

export interface Edit {
  payload?: string;
  payload_encoding?: "string" | "base64";
  exchange?: string;
  routing_key?: string;
  properties?: Record<string, unknown>;
  headers?: Record<string, unknown>;
}

export interface Order {
  action: Action;
  source: Source;
  filter?: Filter;
  positions?: string[];
  limit?: number;
  from_position?: string;
  target?: Target;
  to?: "queue" | "exchange";
  edit?: Edit;
  truncate?: number;
}

export interface Job {
  id: string;
  action: Action;
  source: Source;
  target?: Target | null;
  filter?: Filter | null;
  user: string;
  state: "running" | "done" | "cancelled" | "failed";
  error: string | null;
  examined: number;
  total: number;
  found: number;
  done: number;
  failed: number;
  skipped: number;
  started: number;
  ended: number | null;
  results?: Message[];
  complete: boolean;
  next?: string | null;
}

export interface DeadGroup {
  vhost: string;
  queue: string;
  reason: string;
  origin_queue: string;
  origin_exchange: string;
  routing_keys: string[];
  count: number;
  bytes: number;
  oldest: number | null;
  newest: number | null;
  first_position: string;
  filter: Filter;
}

export interface DeadLetters {
  groups: DeadGroup[];
  queues: { vhost: string; queue: string; messages: number; examined: number }[];
  complete: boolean;
}

export interface Delayed {
  id: string;
  due: number;
  timestamp: number | null;
  exchange: string;
  routing_key: string;
  properties: Record<string, unknown>;
  headers: Record<string, unknown>;
  payload: string;
  payload_encoding: "string" | "base64";
  payload_bytes: number;
}

export interface DelayedPage {
  messages: Delayed[];
  next: string | null;
  total: number;
}

export interface OpenTransaction {
  id: string;
  group: string;
  topic: string;
  partition: number;
  transaction_id: string;
  user: string;
  bytes: number;
  timestamp: number;
  age_ms: number;
  checks: number;
  next_check: number;
  state: "open" | "commit" | "roll_back" | "discard";
}

export interface TransactionsPage {
  transactions: OpenTransaction[];
  next: string | null;
  total: number;
}
