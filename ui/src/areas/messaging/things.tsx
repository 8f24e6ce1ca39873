/** What the API says of queues, exchanges, bindings, consumers; and how their features look. */
import { count } from "../../lib/format";
import { link } from "../../lib/router";
import { vhost, vhosts } from "../../lib/session";
import { Tag } from "../../ui/bits";
import type { Details } from "../../lib/samples";
import type { Column } from "../../ui/table";
import { t } from "./words";

export type Arguments = Record<string, unknown>;
export type Stats = Record<string, number | Details | undefined>;

export interface QueueOf {
  name: string;
  vhost: string;
  type: string;
  durable: boolean;
  auto_delete: boolean;
  exclusive: boolean;
  arguments: Arguments;
  state?: string;
  node?: string;
  policy?: string | null;
  operator_policy?: string | null;
  effective_policy_definition?: Arguments;
  consumers?: number;
  messages?: number;
  messages_ready?: number;
  messages_unacknowledged?: number;
  message_bytes_ready?: number;
  message_stats?: Stats;
  consumer_details?: ConsumerOf[];
  single_active_consumer_tag?: string | null;
  owner_pid_details?: { name?: string };
}

export interface ExchangeOf {
  name: string;
  vhost: string;
  type: string;
  durable: boolean;
  auto_delete: boolean;
  internal: boolean;
  arguments: Arguments;
  policy?: string | null;
  message_stats?: Stats;
}

export interface BindingOf {
  source: string;
  vhost: string;
  destination: string;
  destination_type: "queue" | "exchange";
  routing_key: string;
  arguments: Arguments;
  properties_key: string;
}

export interface ConsumerOf {
  consumer_tag: string;
  ack_required: boolean;
  exclusive: boolean;
  active: boolean;
  activity_status: string;
  prefetch_count: number;
  arguments: Arguments;
  queue: { name: string; vhost: string };
  channel_details: { name?: string; connection_name?: string; user?: string; number?: number };
}

/** Marks of what is special: short in the table, told in full by the title. */
const MARKS: [argument: string, mark: string, title: () => string][] = [
  ["x-message-ttl", "TTL", () => t.ttl],
  ["x-expires", "Exp", () => t.expires],
  ["x-max-length", "Lim", () => t.maxLength],
  ["x-max-length-bytes", "Lim B", () => t.maxBytes],
  ["x-max-age", "Age", () => t.maxAge],
  ["x-dead-letter-exchange", "DLX", () => t.dlx],
  ["x-max-priority", "Pri", () => t.maxPriority],
  ["x-single-active-consumer", "SAC", () => t.sac],
  ["x-delivery-limit", "DL", () => t.deliveryLimit],
  ["alternate-exchange", "AE", () => t.alternate],
  ["x-delayed-type", "Delay", () => t.delayed],
];

export function Features({ of }: { of: { durable: boolean; auto_delete: boolean; exclusive?: boolean; internal?: boolean; arguments: Arguments } }) {
  return (
    <span class="row" style={{ gap: "4px" }}>
      {!of.durable && <Tag title={t.transient}>T</Tag>}
      {of.auto_delete && <Tag title={t.autoDelete}>AD</Tag>}
      {of.exclusive && <Tag title={t.exclusive}>Excl</Tag>}
      {of.internal && <Tag title={t.internal}>I</Tag>}
      {MARKS.filter(([argument]) => argument in of.arguments).map(([argument, mark, title]) => (
        <Tag title={`${title()}: ${String(of.arguments[argument])}`}>{mark}</Tag>
      ))}
    </span>
  );
}

/** A column that only tells something when there are several virtual hosts. */
export function vhostColumn<T extends { vhost: string }>(): Column<T>[] {
  return vhosts.value.length > 1 && !vhost.value ? [{ id: "vhost", title: t.vhost, sort: "vhost", min: 100, room: 900, grow: 0.8, cell: (row) => row.vhost }] : [];
}

export function QueueLink({ vhost, name }: { vhost: string; name: string }) {
  return <a class="name" href={link("queues", vhost, name)} title={name}>{name}</a>;
}

export function exchangeTitle(name: string): string {
  return name === "" ? t.defaultExchange : name;
}

/** The exchange without a name is called amq.default in addresses. */
export function exchangeInPath(name: string): string {
  return name === "" ? "amq.default" : name;
}

export function ExchangeLink({ vhost, name }: { vhost: string; name: string }) {
  return <a class={`name ${name ? "" : "muted"}`} href={link("exchanges", vhost, exchangeInPath(name))} title={name}>{exchangeTitle(name)}</a>;
}

export function ArgumentList({ of }: { of: Arguments }) {
  const all = Object.entries(of);
  if (all.length === 0) return <span class="faint">{t.noArguments}</span>;
  return (
    <dl class="facts" style={{ gap: "2px 12px" }}>
      {all.map(([name, value]) => <><dt class="mono">{name}</dt><dd class="mono">{shown(value)}</dd></>)}
    </dl>
  );
}

export function shown(value: unknown): string {
  if (typeof value === "number") return count(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A number; nothing is quiet, so that what is there is seen. */
export function Quiet({ value }: { value: number | undefined }) {
  return value ? <>{count(value)}</> : <span class="idle">{value === undefined ? "–" : "0"}</span>;
}
