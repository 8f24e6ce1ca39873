import { bytes, count, duration, rate, short } from "../../lib/format";
import { overview as live } from "../../lib/live";
import { historyFrom, rateOf, withSamples } from "../../lib/samples";
import { useResource } from "../../lib/resource";
import { isMonitoring } from "../../lib/session";
import { Card, Facts, Figures, Head, Meter, Protocol, Tag } from "../../ui/bits";
import { LengthChart, RateChart } from "../../ui/charts";
import { Icon } from "../../ui/icons";
import { Connect } from "../../ui/connect";
import { t } from "./words";

export interface Listener {
  protocol: string;
  ip_address: string;
  port: number;
  tls: boolean;
}

export interface OverviewOf {
  product_version: string;
  rabbitmq_version: string;
  cluster_name: string;
  erlang_full_version: string;
  node: string;
  listeners: Listener[];
  object_totals: { channels: number; connections: number; consumers: number; exchanges: number; queues: number; topics?: number; groups?: number };
  queue_totals: Record<string, unknown>;
  message_stats?: Record<string, unknown>; // not for everybody
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

const LENGTHS = ["messages_ready", "messages_unacknowledged"];
const RATES = ["publish", "deliver_get", "ack", "confirm", "redeliver", "records_in"];

export function Overview() {
  const said = useResource<OverviewOf>(withSamples("api/overview")).data.value;
  const nodes = useResource<NodeOf[]>(isMonitoring.value ? "api/nodes" : null).data.value;
  const history = historyFrom("overview", [said?.queue_totals, LENGTHS], [said?.message_stats, RATES]);
  // The stream tells every second; where there is none, what was asked for last.
  const now = live.value ?? said;
  const totals = now?.object_totals;
  const moving = (name: string) => rate(rateOf(now?.message_stats ?? said?.message_stats, name));
  return (
    <div class="page">
      <Head title={t.overview} sub={said && <>{said.cluster_name} <Tag>anymq {said.product_version}</Tag></>} />
      {nodes?.map((one) => <Alarms of={one} />)}
      <Figures of={[
        { what: t.ready, value: short(now?.queue_totals["messages_ready"] as number | undefined), tone: "--series-1" },
        { what: t.unacked, value: short(now?.queue_totals["messages_unacknowledged"] as number | undefined), tone: "--series-2" },
        { what: t.publish, value: moving("publish") },
        { what: t.deliver, value: moving("deliver_get") },
        ...(now?.message_stats?.["records_in"] === undefined ? [] : [{ what: t.records, value: moving("records_in") }]),
        { what: t.connections, value: short(totals?.connections), href: "#/connections" },
        { what: t.consumers, value: short(totals?.consumers) },
        { what: t.queues, value: short(totals?.queues), href: "#/queues" },
        ...(totals?.topics === undefined ? [] : [{ what: t.topics, value: short(totals.topics), href: "#/topics" }]),
      ]} />
      {totals?.connections === 0 && said && <Card title={t.connectFirst}><Connect listeners={said.listeners} /></Card>}
      <div class="grid even" style={{ "--min": "420px" }}>
        <LengthChart history={history} of={LENGTHS} title={t.queued} />
        <RateChart history={history} of={RATES} title={t.rates} />
      </div>
      <div class="grid" style={{ "--min": "420px" }}>
        {nodes?.map((one) => <Node of={one} />)}
        {said && <Listeners of={said.listeners} />}
      </div>
    </div>
  );
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
