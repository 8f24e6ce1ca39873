/** What the API says of traces: docs/how-to/trace-messages.md. */

export interface Trace {
  vhost: string;
  name: string;
  pattern: string;
  events: number;
  max_payload_bytes: number;
  user?: string;
  seen?: number;
  kept?: number;
}

export interface TraceEvent {
  time: number;
  event: string;
  protocol: string;
  connection?: string;
  channel?: number;
  user?: string;
  exchange?: string;
  routing_key?: string;
  queue?: string;
  queues?: string[];
  partition?: number | null;
  position?: string | null;
  trace_id: string;
  becomes?: string;
  message_id?: string;
  correlation_id?: string;
  reason?: string;
  redelivered?: boolean;
  no_ack?: boolean;
  payload?: string | null;
  payload_encoding?: "string" | "base64" | null;
  payload_bytes?: number;
  properties?: Record<string, unknown> | null;
  vhost: string;
}

export interface Traced {
  tracing?: boolean;
  events: TraceEvent[];
}
