/** A filter as rows that people fill in, and as the API wants it. */
import { type Filter, type Op } from "./shapes";

/** What a row asks about. Those in NAMED ask by name: which header, which path. */
export const FIELDS = [
  "text", "json", "routing_key", "header", "property", "exchange",
  "from", "to", "bytes_min", "bytes_max", "redelivered",
  "death_reason", "death_queue", "death_exchange",
] as const;
export type Field = (typeof FIELDS)[number];

export const NAMED: readonly Field[] = ["json", "header", "property"];
export const DEATH_REASONS = ["rejected", "expired", "maxlen", "delivery_limit"];

export interface Condition {
  field: Field;
  name: string; // of a header or property, the path in JSON
  op: Op;
  value: string;
}

export function emptyCondition(field: Field): Condition {
  return { field, name: "", op: "=", value: field === "redelivered" ? "true" : "" };
}

/** Does an operator stand alone? */
export const needsValue = (op: Op): boolean => op !== "exists" && op !== "missing";

/** Is there enough to ask? A row that was just added asks nothing yet. */
export function isComplete(condition: Condition): boolean {
  if (NAMED.includes(condition.field)) {
    return condition.name !== "" && (condition.value !== "" || !needsValue(condition.op));
  }
  return condition.value !== "";
}

/** Rows that ask nothing yet are left out. Without any row: undefined, which is every message. */
export function toFilter(conditions: Condition[], ignoreCase: boolean): Filter | undefined {
  const filter: Filter = {};
  for (const condition of conditions.filter(isComplete)) add(filter, condition);
  if (filter.text !== undefined && ignoreCase) filter.ignore_case = true;
  return Object.keys(filter).length === 0 ? undefined : filter;
}

function add(filter: Filter, { field, name, op, value }: Condition): void {
  const asked = needsValue(op) ? { op, value: literal(value) } : { op };
  switch (field) {
    case "text": case "routing_key": case "exchange":
      filter[field] = value;
      break;
    case "json":
      (filter.json ??= []).push({ path: name, ...asked });
      break;
    case "header":
      (filter.headers ??= []).push({ name, ...asked });
      break;
    case "property":
      (filter.properties ??= []).push({ name, ...asked });
      break;
    case "from": case "to":
      filter[field] = moment(value);
      break;
    case "bytes_min": case "bytes_max":
      filter[field] = Number(value);
      break;
    case "redelivered":
      filter.redelivered = value === "true";
      break;
    default:
      (filter.death ??= {})[field.slice("death_".length) as "reason" | "queue" | "exchange"] = value;
  }
}

/** 12 and true are what they are in JSON; anything else is text; quotes make text of anything. */
export function literal(value: string): unknown {
  if (!/^(-?\d|true$|false$|null$|")/.test(value.trim())) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function unliteral(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return literal(value) === value ? value : JSON.stringify(value);
}

/** What a field for date and time holds is local time: the API wants a moment. */
function moment(value: string): number | string {
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? value : ms;
}

/** The local time of a moment, as fields for date and time want it. */
export function localTime(ms: number): string {
  const moment = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return moment.toISOString().slice(0, 19);
}

/** The rows that say what a filter says: from a link, from a job. */
export function toConditions(filter: Filter): Condition[] {
  const rows: Condition[] = [];
  const row = (field: Field, value: string, name = "", op: Op = "="): void => void rows.push({ field, name, op, value });
  for (const field of ["text", "routing_key", "exchange"] as const) {
    const value = filter[field];
    if (value !== undefined) row(field, value);
  }
  for (const { path, op, value } of filter.json ?? []) row("json", valueOf(op, value), path, op ?? "=");
  for (const { name, op, value } of filter.headers ?? []) row("header", valueOf(op, value), name, op ?? "=");
  for (const { name, op, value } of filter.properties ?? []) row("property", valueOf(op, value), name, op ?? "=");
  for (const field of ["from", "to"] as const) {
    const value = filter[field];
    if (value !== undefined) row(field, typeof value === "number" ? localTime(value) : value);
  }
  for (const field of ["bytes_min", "bytes_max"] as const) {
    const value = filter[field];
    if (value !== undefined) row(field, String(value));
  }
  if (filter.redelivered !== undefined) row("redelivered", String(filter.redelivered));
  for (const name of ["reason", "queue", "exchange"] as const) {
    const value = filter.death?.[name];
    if (value !== undefined) row(`death_${name}`, value);
  }
  return rows;
}

function valueOf(op: Op | undefined, value: unknown): string {
  return op !== undefined && !needsValue(op) ? "" : unliteral(value);
}

/** What somebody's link says, or nothing when it cannot be read. */
export function parseFilter(text: string | null): Filter | undefined {
  if (!text) return undefined;
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === "object" && said !== null ? (said as Filter) : undefined;
  } catch {
    return undefined;
  }
}
