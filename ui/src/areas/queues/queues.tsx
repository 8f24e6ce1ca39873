import { apiPath } from "../../lib/api";
import { bytes, rate } from "../../lib/format";
import { link } from "../../lib/router";
import { usePaged } from "../../lib/rows";
import { rateOf } from "../../lib/samples";
import { vhost } from "../../lib/session";
import { useResource } from "../../lib/resource";
import { Button, Empty, Head, Tag } from "../../ui/bits";
import { Connect } from "../../ui/connect";
import { Table, type Column } from "../../ui/table";
import type { OverviewOf } from "../overview/overview";
import { Features, QueueLink, Quiet, vhostColumn, type QueueOf } from "../messaging/things";
import { t } from "../messaging/words";
import { addQueue } from "./add";

export function Queues() {
  const path = vhost.value ? apiPath("queues", vhost.value) : "api/queues";
  const source = usePaged<QueueOf>(path, { id: "queues", addressed: true, live: { kind: "queues", steady: ["", "name", "vhost", "type", "policy"] } });
  return (
    <div class="page fills">
      <Head title={t.queues}><Button icon="plus" look="primary" onClick={addQueue}>{t.addQueue}</Button></Head>
      <Table id="queues" source={source} columns={columns()} fills rowKey={(row) => `${row.vhost}\n${row.name}`} link={(row) => link("queues", row.vhost, row.name)} empty={<NoQueues />} />
    </div>
  );
}

function columns(): Column<QueueOf>[] {
  const moving = (name: string) => (row: QueueOf) => {
    const value = rateOf(row.message_stats, name);
    return value ? rate(value) : <span class="idle">–</span>;
  };
  return [
    { id: "name", title: t.queue, sort: "name", min: 210, grow: 4, cell: (row) => <QueueLink vhost={row.vhost} name={row.name} /> },
    ...vhostColumn<QueueOf>(),
    { id: "type", title: t.type, sort: "type", min: 80, cell: (row) => row.type },
    { id: "features", title: t.features, min: 120, grow: 1.2, room: 900, cell: (row) => <Features of={row} /> },
    { id: "policy", title: t.policy, sort: "policy", min: 90, off: true, cell: (row) => row.policy ?? "" },
    { id: "state", title: t.state, sort: "state", min: 84, room: 760, cell: (row) => <State of={row} /> },
    { id: "ready", title: t.ready, sort: "messages_ready", number: true, min: 84, cell: (row) => <Quiet value={row.messages_ready} /> },
    { id: "unacked", title: t.unacked, sort: "messages_unacknowledged", number: true, min: 84, cell: (row) => <Quiet value={row.messages_unacknowledged} /> },
    { id: "total", title: t.total, sort: "messages", number: true, min: 84, room: 1000, cell: (row) => <Quiet value={row.messages} /> },
    { id: "consumers", title: t.consumers, sort: "consumers", number: true, min: 102, cell: (row) => <Quiet value={row.consumers} /> },
    { id: "in", title: t.incoming, sort: "message_stats.publish_details.rate", number: true, min: 76, cell: moving("publish") },
    { id: "out", title: t.outgoing, sort: "message_stats.deliver_get_details.rate", number: true, min: 76, cell: moving("deliver_get") },
    { id: "ack", title: t.acked, sort: "message_stats.ack_details.rate", number: true, min: 76, room: 1000, cell: moving("ack") },
    { id: "size", title: t.size, sort: "message_bytes_ready", number: true, min: 84, off: true, cell: (row) => bytes(row.message_bytes_ready) },
  ];
}

export function State({ of }: { of: QueueOf }) {
  const state = of.state ?? "running";
  return state === "running" ? <span class="row" style={{ gap: "6px" }}><span class={`dot ${moves(of) ? "good" : ""}`} /><span class="muted">{moves(of) ? t.moving : t.idle}</span></span> : <Tag tone="warn">{state}</Tag>;
}

function moves({ message_stats: stats }: QueueOf): boolean {
  return ["publish", "deliver_get", "ack"].some((name) => (rateOf(stats, name) ?? 0) > 0);
}

function NoQueues() {
  const overview = useResource<OverviewOf>("api/overview", 0).data.value;
  return (
    <Empty icon="queues" title={t.noQueues}>
      <p>{t.noQueuesText}</p>
      {overview && <Connect listeners={overview.listeners} only={["pika", "node", "celery", "curl"]} />}
    </Empty>
  );
}
