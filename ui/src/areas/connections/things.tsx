import type { Details } from "../../lib/samples";
import type { ConsumerOf, Stats } from "../messaging/things";

export interface ConnectionOf {
  name: string;
  user_provided_name?: string;
  user: string;
  vhost: string;
  protocol: string;
  state: string;
  ssl: boolean;
  peer_host: string;
  peer_port: number;
  host: string;
  port: number;
  channels: number;
  channel_max?: number;
  frame_max?: number;
  timeout?: number;
  auth_mechanism?: string;
  connected_at: number;
  client_id?: string;
  subscriptions?: number;
  session_expiry?: number;
  messages_in_flight?: number;
  has_will?: boolean;
  requests?: number;
  requests_details?: Details;
  recv_oct?: number;
  recv_oct_details?: Details;
  send_oct?: number;
  send_oct_details?: Details;
  client_properties: Record<string, unknown>;
}

export interface ChannelOf {
  name: string;
  number: number;
  user: string;
  vhost: string;
  state: string;
  confirm: boolean;
  transactional: boolean;
  consumer_count: number;
  prefetch_count: number;
  global_prefetch_count: number;
  messages_unacknowledged: number;
  messages_unconfirmed: number;
  connection_details: { name?: string };
  message_stats?: Stats;
  consumer_details?: ConsumerOf[];
}

/** How people call a client: its own name, else where it comes from. */
export function clientName(one: ConnectionOf): string {
  return one.user_provided_name || one.client_id || `${one.peer_host}:${one.peer_port}`;
}

export function productOf(one: ConnectionOf): string {
  const { product, version } = one.client_properties;
  return [product, version].filter((part) => typeof part === "string").join(" ");
}
