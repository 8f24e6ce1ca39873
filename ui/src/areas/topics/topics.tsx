import { useSignal } from "@preact/signals";
import { apiPath, put } from "../../lib/api";
import { bytes, count, duration, rate } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link } from "../../lib/router";
import { usePaged } from "../../lib/rows";
import { rateOf } from "../../lib/samples";
import { Button, Card, Empty, Head, Tag } from "../../ui/bits";
import { Connect } from "../../ui/connect";
import { openDialog } from "../../ui/dialog";
import { Form, objectOf, Pairs, SelectField, TextField, type Pair } from "../../ui/form";
import { Table, type Column } from "../../ui/table";
import { say } from "../../ui/toast";
import { t as common } from "../../ui/words";
import { Quiet } from "../messaging/things";
import type { OverviewOf } from "../overview/overview";
import type { TopicOf } from "./things";
import { t } from "./words";

export function Topics() {
  const source = usePaged<TopicOf>("api/topics", { id: "topics", addressed: true, live: { kind: "topics", steady: ["", "name", "partitions", "cleanup_policy"] } });
  const add = () => openDialog(t.addTopic, (close) => <AddTopic close={close} />);
  if (source.error.value?.status === 404) {
    return <div class="page"><Head title={t.topics} /><Card><Empty icon="topics" title={t.unsupported} /></Card></div>;
  }
  return (
    <div class="page fills">
      <Head title={t.topics}><Button icon="plus" look="primary" onClick={add}>{t.addTopic}</Button></Head>
      <Table id="topics" source={source} columns={columns()} fills rowKey={(row) => row.name} link={(row) => link("topics", row.name)} empty={<NoTopics />} />
    </div>
  );
}

export function kept(ms: number): string {
  return ms < 0 ? t.forever : duration(ms);
}

function columns(): Column<TopicOf>[] {
  return [
    { id: "name", title: t.topic, sort: "name", min: 220, grow: 4, cell: (row) => <><a class="name" href={link("topics", row.name)} title={row.name}>{row.name}</a> {row.internal && <Tag>{t.internal}</Tag>}</> },
    { id: "partitions", title: t.partitions, sort: "partitions", number: true, min: 92, cell: (row) => count(row.partitions) },
    { id: "records", title: t.records, sort: "messages", number: true, min: 100, cell: (row) => <Quiet value={row.messages} /> },
    { id: "size", title: t.size, sort: "size_bytes", number: true, min: 92, cell: (row) => bytes(row.size_bytes) },
    { id: "written", title: t.written, sort: "message_stats.publish_details.rate", number: true, min: 92, cell: (row) => {
      const value = rateOf(row.message_stats, "publish");
      return value ? rate(value) : <span class="idle">–</span>;
    } },
    { id: "cleanup", title: t.cleanup, sort: "cleanup_policy", min: 110, cell: (row) => row.cleanup_policy },
    { id: "retention", title: t.retention, sort: "retention_ms", number: true, min: 100, cell: (row) => kept(row.retention_ms) },
  ];
}

function NoTopics() {
  const overview = useResource<OverviewOf>("api/overview", 0).data.value;
  return (
    <Empty icon="topics" title={t.none}>
      <p>{t.noneText}</p>
      {overview && <Connect listeners={overview.listeners} only={["kafka", "rocketmq"]} />}
    </Empty>
  );
}

type Cleanup = "" | "delete" | "compact" | "compact,delete";

function AddTopic({ close }: { close: () => void }) {
  const name = useSignal("");
  const partitions = useSignal("1");
  const cleanup = useSignal<Cleanup>("");
  const configs = useSignal<Pair[]>([]);
  const submit = async () => {
    const said = Object.fromEntries(Object.entries(objectOf(configs.value)).map(([key, value]) => [key, String(value)]));
    await put(apiPath("topics", name.value), { partitions: Number(partitions.value), configs: { ...(cleanup.value && { "cleanup.policy": cleanup.value }), ...said } });
    say(t.created(name.value));
    changed();
    close();
    go(link("topics", name.value));
  };
  return (
    <Form onSubmit={submit} button={common.create} onCancel={close}>
      <div class="pair">
        <TextField label={common.name} value={name} required mono />
        <TextField label={t.partitions} value={partitions} required type="number" />
      </div>
      <SelectField label={t.cleanup} value={cleanup} options={[["", t.fromDefault], ["delete", t.deletePolicy], ["compact", t.compact], ["compact,delete", t.both]]} />
      <Pairs label={t.configs} value={configs} suggestions={[
        { key: "retention.ms", type: "string", value: "604800000", title: t.retentionMs }, { key: "retention.bytes", type: "string", title: t.retentionBytes },
        { key: "max.message.bytes", type: "string" }, { key: "segment.bytes", type: "string" },
      ]} />
    </Form>
  );
}
