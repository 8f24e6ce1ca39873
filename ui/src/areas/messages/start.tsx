/** Where to look: every queue, stream and topic that has messages, the fullest first. */
import { usePaged } from "../../lib/rows";
import { useResource } from "../../lib/resource";
import { apiPath } from "../../lib/api";
import { bytes, count, rate } from "../../lib/format";
import { link } from "../../lib/router";
import { vhost } from "../../lib/session";
import { Card, Empty, Head, Tag } from "../../ui/bits";
import { Table, type Column } from "../../ui/table";
import { t } from "./words";
import "./messages.css";

interface Queue {
  name: string;
  vhost: string;
  type?: string;
  messages?: number;
  messages_ready?: number;
  messages_unacknowledged?: number;
  message_bytes?: number;
  message_bytes_ready?: number;
  message_stats?: { publish_details?: { rate?: number } };
}

interface Topic {
  name: string;
  partitions: number;
  messages: number;
  size_bytes: number;
}

const TOPICS_MAX = 100;

export function Start() {
  const path = vhost.value ? apiPath("queues", vhost.value) : "api/queues";
  const source = usePaged<Queue>(path, { id: "browse", sort: { by: "messages", reverse: true } });
  const columns: Column<Queue>[] = [
    { id: "name", title: t.queues, sort: "name", min: 220, grow: 3, cell: (q) => <a class="name" href={link("messages", q.vhost, q.name)}>{q.name}</a> },
    { id: "vhost", title: t.vhost, sort: "vhost", min: 100, cell: (q) => q.vhost },
    { id: "type", title: "", min: 90, cell: (q) => q.type && q.type !== "classic" && <Tag>{q.type}</Tag> },
    { id: "ready", title: t.readyTitle, sort: "messages_ready", number: true, cell: (q) => count(q.messages_ready) },
    { id: "unacked", title: t.unackedTitle, sort: "messages_unacknowledged", number: true, cell: (q) => <span class={q.messages_unacknowledged ? "" : "idle"}>{count(q.messages_unacknowledged)}</span> },
    { id: "bytes", title: t.size, sort: "message_bytes_ready", number: true, cell: (q) => bytes(q.message_bytes ?? q.message_bytes_ready) },
    { id: "in", title: t.inRate, sort: "message_stats.publish_details.rate", number: true, cell: (q) => rate(q.message_stats?.publish_details?.rate) },
  ];
  return (
    <div class="page fills messages">
      <Head title={t.chooseTitle} sub={t.chooseAbout} />
      <Topics />
      <Table id="browse" source={source} columns={columns} rowKey={(q) => `${q.vhost}/${q.name}`} link={(q) => link("messages", q.vhost, q.name)} fills
        empty={<Empty icon="messages" title={t.none}><p>{t.noneHint}</p></Empty>} />
    </div>
  );
}

/** A topic has a page of its own where the API has topics at all. */
function Topics() {
  const said = useResource<Topic[] | { items: Topic[] }>(`api/topics?page=1&page_size=${TOPICS_MAX}&sort=messages&sort_reverse=true`, 5000);
  const answer = said.data.value;
  const all = Array.isArray(answer) ? answer : (answer?.items ?? []);
  if (all.length === 0) return null;
  return (
    <Card title={t.topics}>
      <div class="topic-chips">
        {all.map((one) => (
          <a key={one.name} class="button small" href={link("records", one.name, "0")}>{one.name}<span class="faint">{count(one.messages)}</span></a>
        ))}
      </div>
    </Card>
  );
}
