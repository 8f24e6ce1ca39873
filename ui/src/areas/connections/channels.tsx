import { apiPath } from "../../lib/api";
import { count, rate } from "../../lib/format";
import { link } from "../../lib/router";
import { usePaged } from "../../lib/rows";
import { rateOf } from "../../lib/samples";
import { vhost } from "../../lib/session";
import { Empty, Head, Tag } from "../../ui/bits";
import { Table, type Column } from "../../ui/table";
import { Quiet, vhostColumn } from "../messaging/things";
import type { ChannelOf } from "./things";
import { t } from "./words";

export function Channels() {
  const path = vhost.value ? apiPath("vhosts", vhost.value, "channels") : "api/channels";
  const source = usePaged<ChannelOf>(path, { id: "channels", addressed: true });
  return (
    <div class="page fills">
      <Head title={t.channels} />
      <Table id="channels" source={source} columns={channelColumns(true)} fills rowKey={(row) => row.name} link={(row) => link("channels", row.name)}
        empty={<Empty icon="channels" title={t.noChannels}><p>{t.noChannelsText}</p><a class="button" href="#/connections">{t.connections}</a></Empty>} />
    </div>
  );
}

export function channelColumns(all: boolean): Column<ChannelOf>[] {
  const moving = (name: string) => (row: ChannelOf) => {
    const value = rateOf(row.message_stats, name);
    return value ? rate(value) : <span class="idle">–</span>;
  };
  return [
    { id: "name", title: t.channel, sort: "name", min: 230, grow: 3, cell: (row) => <a class="name" href={link("channels", row.name)}>{row.name}</a> },
    ...(all ? [{ id: "user", title: t.user, sort: "user", min: 84, cell: (row: ChannelOf) => row.user }, ...vhostColumn<ChannelOf>()] : []),
    { id: "mode", title: t.mode, min: 96, cell: (row) => <Mode of={row} /> },
    { id: "consumers", title: t.consumers, sort: "consumer_count", number: true, min: 102, cell: (row) => <Quiet value={row.consumer_count} /> },
    { id: "prefetch", title: t.prefetch, sort: "prefetch_count", number: true, min: 84, room: 900, cell: (row) => prefetch(row) },
    { id: "unacked", title: t.unacked, sort: "messages_unacknowledged", number: true, min: 84, cell: (row) => <Quiet value={row.messages_unacknowledged} /> },
    { id: "unconfirmed", title: t.unconfirmed, sort: "messages_unconfirmed", number: true, min: 112, cell: (row) => <Quiet value={row.messages_unconfirmed} /> },
    { id: "publish", title: t.publish, sort: "message_stats.publish_details.rate", number: true, min: 92, cell: moving("publish") },
    { id: "deliver", title: t.deliver, sort: "message_stats.deliver_get_details.rate", number: true, min: 92, cell: moving("deliver_get") },
  ];
}

export function Mode({ of }: { of: ChannelOf }) {
  if (of.confirm) return <Tag tone="accent">{t.confirms}</Tag>;
  return of.transactional ? <Tag tone="warn">{t.transactional}</Tag> : <span class="idle">–</span>;
}

export function prefetch(of: ChannelOf) {
  const some = of.prefetch_count || of.global_prefetch_count;
  return some ? count(some) : <span class="idle">{t.unlimited}</span>;
}
