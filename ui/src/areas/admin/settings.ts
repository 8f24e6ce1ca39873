/** What policies may say, with what it takes; the rest of the names can be typed in. */
import { t } from "./words";

type Words = { [K in keyof typeof t]: K extends `p_${string}` ? K : never }[keyof typeof t];

export interface Setting {
  key: string;
  kind: "number" | "text" | "truth";
  words: Words;
  choices?: string[];
  operator?: boolean; // operators may set it, too
  start?: string;
}

export const SETTINGS: Setting[] = [
  { key: "message-ttl", kind: "number", words: "p_message_ttl", operator: true, start: "3600000" },
  { key: "max-length", kind: "number", words: "p_max_length", operator: true, start: "100000" },
  { key: "max-length-bytes", kind: "number", words: "p_max_length_bytes", operator: true },
  { key: "overflow", kind: "text", words: "p_overflow", choices: ["drop-head", "reject-publish", "reject-publish-dlx"], operator: true },
  { key: "dead-letter-exchange", kind: "text", words: "p_dead_letter_exchange" },
  { key: "dead-letter-routing-key", kind: "text", words: "p_dead_letter_routing_key" },
  { key: "dead-letter-strategy", kind: "text", words: "p_dead_letter_strategy", choices: ["at-most-once", "at-least-once"] },
  { key: "delivery-limit", kind: "number", words: "p_delivery_limit", operator: true, start: "20" },
  { key: "expires", kind: "number", words: "p_expires", operator: true },
  { key: "consumer-timeout", kind: "number", words: "p_consumer_timeout" },
  { key: "max-age", kind: "text", words: "p_max_age", start: "7D" },
  { key: "stream-max-segment-size-bytes", kind: "number", words: "p_stream_segment" },
  { key: "alternate-exchange", kind: "text", words: "p_alternate_exchange" },
  { key: "message-deduplication", kind: "truth", words: "p_dedup" },
  { key: "deduplication-window", kind: "number", words: "p_dedup_window" },
  { key: "delayed-retry-type", kind: "text", words: "p_retry_type", choices: ["all", "failed", "returned", "disabled"], operator: true },
  { key: "delayed-retry-min", kind: "number", words: "p_retry_min", operator: true },
  { key: "delayed-retry-max", kind: "number", words: "p_retry_max", operator: true },
];

export interface Said {
  key: string;
  value: string;
}

export function said(definition: Record<string, unknown>): Said[] {
  return Object.entries(definition).map(([key, value]) => ({ key, value: typeof value === "string" ? value : JSON.stringify(value) }));
}

/** As the API wants them; throws for a number that is none. */
export function definitionOf(rows: Said[]): Record<string, unknown> {
  const definition: Record<string, unknown> = {};
  for (const { key, value } of rows) {
    const kind = SETTINGS.find((one) => one.key === key)?.kind;
    if (key) definition[key] = kind === "number" ? number(key, value) : kind === "truth" ? value === "true" : kind === "text" ? value : guess(value);
  }
  return definition;
}

function number(key: string, value: string): number {
  const read = Number(value);
  if (value.trim() === "" || !Number.isFinite(read)) throw new Error(`${key}: ${value || "?"}`);
  return read;
}

function guess(value: string): unknown {
  return /^-?\d+$/.test(value) ? Number(value) : value === "true" || value === "false" ? value === "true" : value;
}
