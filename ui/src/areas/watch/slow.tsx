/** Who is behind: consumers that hold old messages, groups that lag. */
import { useSignal } from "@preact/signals";
import { withQuery } from "../../lib/api";
import { count, duration, NONE, rate } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { link } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { Empty, Head, Protocol, Segments, Tag } from "../../ui/bits";
import { Table, type Column } from "../../ui/table";
import { t } from "./words";

interface Consumer {
  kind: "consumer";
  vhost: string;
  queue: string;
  consumer_tag: string;
  user: string;
  connection: string;
  channel: string;
  prefetch: number;
  unacked: number;
  oldest_unacked_seconds: number | null;
  waiting: number;
  deliver_rate: number;
  why: string[];
}

interface Group {
  kind: "group";
  group: string;
  state: string;
  members: number;
  lag: number;
  lag_rate: number;
  topics: string[];
  why: string[];
}

type Slow = Consumer | Group;

const WHY_TONES: Record<string, string> = { old: "warn", full: "bad", lag: "warn", growing: "bad", nobody: "bad" };
const SECONDS = ["10", "60", "600"] as const;
const LAGS = ["100", "1000", "100000"] as const;

export function SlowConsumers() {
  const seconds = useSignal<(typeof SECONDS)[number]>("60");
  const lag = useSignal<(typeof LAGS)[number]>("1000");
  const { data, error } = useResource<Slow[]>(withQuery("api/slow-consumers", { min_seconds: seconds.value, min_lag: lag.value }));
  const source = useLocal(data.value, { id: "slow", name: (row) => (row.kind === "group" ? row.group : row.queue), error: error.value });
  const missing = error.value?.status === 404;
  return (
    <div class="page fills">
      <Head title={t.slow} sub={t.slowAbout}>
        <span class="row muted">{t.oldest}<Segments label={t.oldest} value={seconds.value} of={SECONDS.map((one) => [one, t.seconds(one)])} onChange={(next) => (seconds.value = next)} /></span>
        <span class="row muted">{t.lagMin}<Segments label={t.lagMin} value={lag.value} of={LAGS.map((one) => [one, count(Number(one))])} onChange={(next) => (lag.value = next)} /></span>
      </Head>
      {missing ? <div class="note">{t.notHere}</div> : (
        <Table id="slow" source={source} columns={columns()} rowKey={keyOf} link={hrefOf} fills
          empty={<Empty icon="check" title={t.noSlow}><p>{t.noSlowHint}</p></Empty>} />
      )}
    </div>
  );
}

const keyOf = (row: Slow): string => (row.kind === "group" ? `g ${row.group}` : `c ${row.channel} ${row.consumer_tag}`);
const hrefOf = (row: Slow): string => (row.kind === "group" ? link("groups", row.group) : link("connections", row.connection));

function columns(): Column<Slow>[] {
  return [
    { id: "who", title: t.who, min: 200, grow: 2, cell: (row) => <a class="name" href={hrefOf(row)}>{row.kind === "group" ? row.group : row.consumer_tag}</a> },
    { id: "kind", title: "", min: 90, cell: (row) => <Protocol name={row.kind === "group" ? "Kafka" : "AMQP"} /> },
    { id: "what", title: t.what, min: 150, grow: 1.5, cell: (row) => row.kind === "group" ? row.topics.map((topic, i) => <>{i > 0 && ", "}<a href={link("topics", topic)}>{topic}</a></>) : <a href={link("queues", row.vhost, row.queue)}>{row.queue}</a> },
    { id: "why", title: t.whyTitle, min: 240, grow: 2, cell: (row) => <span class="row">{row.why.map((one) => <Tag key={one} tone={WHY_TONES[one] ?? ""}>{whyText(one)}</Tag>)}</span> },
    { id: "age", title: t.age, number: true, sort: "oldest_unacked_seconds", cell: (row) => (row.kind === "consumer" && row.oldest_unacked_seconds !== null ? duration(row.oldest_unacked_seconds * 1000) : NONE) },
    { id: "unacked", title: t.unacked, number: true, sort: "unacked", min: 110, cell: (row) => (row.kind === "consumer" ? <>{count(row.unacked)}{row.prefetch > 0 && <span class="faint"> / {count(row.prefetch)}</span>}</> : NONE) },
    { id: "waiting", title: t.waiting, number: true, sort: "waiting", cell: (row) => (row.kind === "consumer" ? count(row.waiting) : NONE) },
    { id: "lag", title: t.lag, number: true, sort: "lag", cell: (row) => (row.kind === "group" ? count(row.lag) : NONE) },
    { id: "rate", title: t.rate, number: true, cell: (row) => (row.kind === "group" ? `${row.lag_rate > 0 ? "+" : row.lag_rate < 0 ? "−" : ""}${rate(Math.abs(row.lag_rate))}` : rate(row.deliver_rate)) },
    { id: "user", title: t.user, min: 100, cell: (row) => (row.kind === "consumer" ? row.user : "") },
  ];
}

function whyText(why: string): string {
  const words: Record<string, string> = { old: t.w_old, full: t.w_full, lag: t.w_lag, growing: t.w_growing, nobody: t.w_nobody };
  return words[why] ?? why;
}
