import { useEffect } from "preact/hooks";
import { bytes, count, duration, rate, short } from "../../lib/format";
import { historyOf, note } from "../../lib/history";
import { useResource } from "../../lib/resource";
import { isMonitoring } from "../../lib/session";
import { Card, Facts, Figures, Head, Meter, Protocol, Tag } from "../../ui/bits";
import { Chart } from "../../ui/chart";
import { Icon } from "../../ui/icons";
import { Connect } from "../../ui/connect";
import { t } from "./words";

export interface Listener {
  protocol: string;
  ip_address: string;
  port: number;
  tls: boolean;
}

interface Rate {
  rate: number;
}

export interface OverviewOf {
  product_version: string;
  rabbitmq_version: string;
  cluster_name: string;
  erlang_full_version: string;
  node: string;
  listeners: Listener[];
  object_totals: { channels: number; connections: number; consumers: number; exchanges: number; queues: number; topics?: number; groups?: number };
  queue_totals: { messages?: number; messages_ready?: number; messages_unacknowledged?: number };
  message_stats: Record<string, number | Rate | undefined>;
}

interface NodeOf {
  name: string;
  uptime: number;
  processors: number;
  mem_used: number;
  mem_limit: number;
  mem_alarm: boolean;
  disk_free: number;
  disk_free_limit: number;
  disk_free_alarm: boolean;
  fd_used: number;
  fd_total: number;
  sockets_used: number;
  sockets_total: number;
  db_dir?: string;
}

const RATES = [
  ["publish", "--series-1"], ["deliver_get", "--series-2"], ["ack", "--series-4"], ["redeliver", "--series-5"], ["confirm", "--series-3"],
] as const;

export function Overview() {
  const said = useResource<OverviewOf>("api/overview").data.value;
  const nodes = useResource<NodeOf[]>(isMonitoring.value ? "api/nodes" : null).data.value;
  useEffect(() => said && remember(said), [said]);
  const history = historyOf("overview").value;
  const totals = said?.object_totals;
  const words: Record<string, string> = { publish: t.publish, deliver_get: t.deliver, ack: t.ack, redeliver: t.redeliver, confirm: t.confirm };
  return (
    <div class="page">
      <Head title={t.overview} sub={said && <>{said.cluster_name} <Tag>anymq {said.product_version}</Tag></>} />
      {nodes?.map((one) => <Alarms of={one} />)}
      <Figures of={[
        { what: t.connections, value: short(totals?.connections), href: "#/connections" },
        { what: t.channels, value: short(totals?.channels), href: "#/channels" },
        { what: t.consumers, value: short(totals?.consumers) },
        { what: t.exchanges, value: short(totals?.exchanges), href: "#/exchanges" },
        { what: t.queues, value: short(totals?.queues), href: "#/queues" },
        ...(totals?.topics === undefined ? [] : [{ what: t.topics, value: short(totals.topics), href: "#/topics" }]),
        { what: t.ready, value: short(said?.queue_totals.messages_ready), tone: "--series-1" },
        { what: t.unacked, value: short(said?.queue_totals.messages_unacknowledged), tone: "--series-2" },
      ]} />
      {totals?.connections === 0 && said && <Card title={t.connectFirst}><Connect listeners={said.listeners} /></Card>}
      <div class="grid even" style={{ "--min": "420px" }}>
        <Card title={t.queued}>
          <Chart label={t.queued} times={history.times} fill lines={[
            { label: t.ready, tone: "--series-1", values: history.values["ready"] ?? [] },
            { label: t.unacked, tone: "--series-2", values: history.values["unacked"] ?? [] },
          ]} />
        </Card>
        <Card title={t.rates}>
          <Chart label={t.rates} times={history.times} format={rate}
            lines={RATES.map(([name, tone]) => ({ label: words[name] ?? name, tone, values: history.values[name] ?? [] }))} />
        </Card>
      </div>
      <div class="grid" style={{ "--min": "420px" }}>
        {nodes?.map((one) => <Node of={one} />)}
        {said && <Listeners of={said.listeners} />}
      </div>
    </div>
  );
}

function remember(said: OverviewOf): void {
  const rateOf = (name: string) => (said.message_stats[`${name}_details`] as Rate | undefined)?.rate;
  note("overview", {
    ready: said.queue_totals.messages_ready,
    unacked: said.queue_totals.messages_unacknowledged,
    ...Object.fromEntries(RATES.map(([name]) => [name, rateOf(name)])),
  });
}

function Alarms({ of }: { of: NodeOf }) {
  return (
    <>
      {of.mem_alarm && <div class="problem row"><Icon name="alarm" />{t.memoryAlarm}</div>}
      {of.disk_free_alarm && <div class="problem row"><Icon name="alarm" />{t.diskAlarm}</div>}
    </>
  );
}

function Node({ of }: { of: NodeOf }) {
  const meter = (used: number, all: number, format: (value: number) => string) => (
    <>
      <div>{t.of(format(used), format(all))}</div>
      <Meter used={used} of={all} />
    </>
  );
  return (
    <Card title={of.name} actions={<span class="muted">{t.uptime} {duration(of.uptime)}</span>}>
      <Facts of={[
        [t.memory, meter(of.mem_used, of.mem_limit, bytes)],
        [t.disk, <><div>{bytes(of.disk_free)} <span class="faint">{t.atLeast(bytes(of.disk_free_limit))}</span></div></>],
        [t.files, meter(of.fd_used, of.fd_total, count)],
        [t.sockets, meter(of.sockets_used, of.sockets_total, count)],
        [t.cores, of.processors],
        [t.directory, of.db_dir && <span class="mono">{of.db_dir}</span>],
      ]} />
    </Card>
  );
}

function Listeners({ of }: { of: Listener[] }) {
  return (
    <Card title={t.listeners}>
      <Facts of={of.map((one) => [
        <Protocol name={one.protocol} />,
        <span class="row"><span class="mono">{one.ip_address}:{one.port}</span>{one.tls && <Tag tone="good">{t.tls}</Tag>}</span>,
      ])} />
    </Card>
  );
}
