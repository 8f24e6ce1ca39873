import { link } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { count } from "../../lib/format";
import { Empty, Tag } from "../../ui/bits";
import { Table, type Column } from "../../ui/table";
import { t as common } from "../../ui/words";
import type { ConsumerOf } from "./things";
import { t } from "./words";

export function Consumers({ of }: { of: ConsumerOf[] | undefined }) {
  const source = useLocal(of, { id: "consumers", name: (row) => `${row.consumer_tag} ${row.channel_details.name ?? ""}` });
  const columns: Column<ConsumerOf>[] = [
    { id: "tag", title: t.tag, sort: "consumer_tag", min: 150, grow: 2, cell: (row) => <span class="mono" title={row.consumer_tag}>{row.consumer_tag}</span> },
    { id: "channel", title: t.channel, sort: "channel_details.name", min: 200, grow: 3, cell: (row) => (
      row.channel_details.connection_name ? <a href={link("connections", row.channel_details.connection_name)}>{row.channel_details.name}</a> : "–"
    ) },
    { id: "user", title: t.user, sort: "channel_details.user", cell: (row) => row.channel_details.user ?? "–" },
    { id: "ack", title: t.ackRequired, sort: "ack_required", min: 80, cell: (row) => (row.ack_required ? t.manual : t.automatic) },
    { id: "prefetch", title: t.prefetch, sort: "prefetch_count", number: true, min: 80, cell: (row) => (row.prefetch_count ? count(row.prefetch_count) : <span class="idle">{t.unlimited}</span>) },
    { id: "active", title: t.active, sort: "active", min: 80, cell: (row) => (row.active ? <Tag tone="good">{common.yes}</Tag> : <Tag>{common.no}</Tag>) },
    { id: "arguments", title: t.arguments, off: true, min: 160, grow: 2, cell: (row) => <span class="mono">{Object.keys(row.arguments).length ? JSON.stringify(row.arguments) : ""}</span> },
  ];
  return <Table id="consumers" source={source} columns={columns} rowKey={(row) => `${row.channel_details.name} ${row.consumer_tag}`} empty={<Empty icon="users"><p>{t.noConsumers}</p></Empty>} />;
}
