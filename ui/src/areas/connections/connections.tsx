import { apiPath } from "../../lib/api";
import { bytes, count, rate } from "../../lib/format";
import { link } from "../../lib/router";
import { usePaged } from "../../lib/rows";
import { vhost } from "../../lib/session";
import { useResource } from "../../lib/resource";
import { Empty, Head, Protocol, Tag } from "../../ui/bits";
import { Since } from "../../ui/since";
import { Connect } from "../../ui/connect";
import { Table, type Column } from "../../ui/table";
import type { OverviewOf } from "../overview/overview";
import { clientName, productOf, type ConnectionOf } from "./things";
import { vhostColumn } from "../messaging/things";
import { t } from "./words";

export function Connections() {
  const path = vhost.value ? apiPath("vhosts", vhost.value, "connections") : "api/connections";
  const source = usePaged<ConnectionOf>(path, { id: "connections", addressed: true });
  return (
    <div class="page fills">
      <Head title={t.connections} />
      <Table id="connections" source={source} columns={columns()} fills rowKey={(row) => row.name} link={(row) => link("connections", row.name)} empty={<Nobody />} />
    </div>
  );
}

function columns(): Column<ConnectionOf>[] {
  const moving = (value: number | undefined) => (value ? `${bytes(value)}/s` : <span class="idle">–</span>);
  return [
    { id: "name", title: t.client, sort: "user_provided_name", min: 200, grow: 3, cell: (row) => <a class="name" href={link("connections", row.name)} title={row.name}>{clientName(row)}</a> },
    { id: "protocol", title: t.protocol, sort: "protocol", min: 120, cell: (row) => <Protocol name={row.protocol} /> },
    { id: "product", title: t.product, min: 150, grow: 2, room: 1000, cell: (row) => <span class="muted" title={productOf(row)}>{productOf(row)}</span> },
    { id: "user", title: t.user, sort: "user", min: 112, cell: (row) => row.user },
    ...vhostColumn<ConnectionOf>(),
    { id: "address", title: t.address, sort: "peer_host", min: 140, grow: 1.5, cell: (row) => <span class="mono">{row.peer_host}:{row.peer_port}</span> },
    { id: "tls", title: t.tls, sort: "ssl", min: 56, grow: 0.5, room: 900, cell: (row) => (row.ssl ? <Tag tone="good">{t.tls}</Tag> : <span class="idle">–</span>) },
    { id: "channels", title: t.channels, sort: "channels", number: true, min: 90, cell: (row) => (row.protocol.startsWith("AMQP") ? count(row.channels) : <span class="idle">–</span>) },
    { id: "requests", title: t.requests, sort: "requests_details.rate", number: true, min: 84, off: true, cell: (row) => rate(row.requests_details?.rate) },
    { id: "received", title: t.received, sort: "recv_oct_details.rate", number: true, min: 108, cell: (row) => moving(row.recv_oct_details?.rate) },
    { id: "sent", title: t.sent, sort: "send_oct_details.rate", number: true, min: 96, cell: (row) => moving(row.send_oct_details?.rate) },
    { id: "since", title: t.since, sort: "connected_at", number: true, min: 100, room: 900, cell: (row) => <Since ms={row.connected_at} /> },
    { id: "state", title: t.state, sort: "state", min: 84, off: true, cell: (row) => row.state },
  ];
}

function Nobody() {
  const overview = useResource<OverviewOf>("api/overview", 0).data.value;
  return (
    <Empty icon="connections" title={t.none}>
      {overview && <Connect listeners={overview.listeners} />}
    </Empty>
  );
}
