import { useSignal } from "@preact/signals";
import { apiPath, del, put } from "../../lib/api";
import { bytes, count, rate, short, when } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link, type Params } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { historyFrom, rateOf, withSamples } from "../../lib/samples";
import { Button, Card, chosenTab, Empty, Facts, Figures, Head, Tabs, Tag } from "../../ui/bits";
import { LengthChart, RateChart } from "../../ui/charts";
import { askBefore, openDialog } from "../../ui/dialog";
import { Form, TextField } from "../../ui/form";
import { Offers } from "../../ui/offers";
import { Table } from "../../ui/table";
import { complain, say } from "../../ui/toast";
import { t as common } from "../../ui/words";
import { Quiet } from "../messaging/things";
import { Gone } from "../queues/queue";
import type { ConfigOf, PartitionOf, ProducerOf, TopicOf } from "./things";
import { kept } from "./topics";
import { t } from "./words";

export function Topic({ params }: { params: Params }) {
  const name = params["topic"] ?? "";
  const { data, error } = useResource<TopicOf>(withSamples(apiPath("topics", name)));
  const topic = data.value;
  if (error.value?.status === 404) return <Gone name={name} />;
  const tab = chosenTab("overview");
  return (
    <div class="page">
      <Head crumbs={<a href="#/topics">{t.topics}</a>} title={name} sub={topic && <><Tag>{topic.cleanup_policy}</Tag>{topic.internal && <Tag>{t.internal}</Tag>}{topic.queue && <span>{t.asQueue}: <a href={link("queues", topic.queue.vhost, topic.queue.name)}>{topic.queue.name}</a></span>}</>}>
        <Offers of="topic" names={[name]} />
        <Button icon="inbox" look="danger" onClick={() => empty(name, topic)}>{t.empty}</Button>
        <Button icon="trash" look="danger" onClick={() => remove(name, topic)}>{t.delete}</Button>
      </Head>
      {error.value && <div class="problem" role="alert">{error.value.message}</div>}
      <Figures of={[
        { what: t.partitions, value: count(topic?.partitions) },
        { what: t.records, value: short(topic?.messages), tone: "--series-1" },
        { what: t.size, value: bytes(topic?.size_bytes) },
        { what: t.written, value: rate(rateOf(topic?.message_stats, "publish")) },
        { what: t.retention, value: topic ? kept(topic.retention_ms) : "–" },
        { what: t.groups, value: count(topic?.groups?.length) },
      ]} />
      <Tabs of={[
        { id: "overview", label: t.overview },
        { id: "partitions", label: t.partitions, tally: topic?.partitions },
        { id: "groups", label: t.groups, tally: topic?.groups?.length },
        { id: "producers", label: t.producers },
        { id: "settings", label: t.configs },
      ]} />
      {tab === "overview" && topic && <About of={topic} />}
      {tab === "partitions" && <Partitions topic={name} />}
      {tab === "groups" && <Groups of={topic?.groups} />}
      {tab === "producers" && <Producers topic={name} />}
      {tab === "settings" && <Configs topic={name} />}
    </div>
  );
}

function About({ of }: { of: TopicOf }) {
  const written = historyFrom(`topic ${of.name}`, [undefined, []], [of.message_stats, ["publish"]]);
  const records = historyFrom(`records ${of.name}`, [of as unknown as Record<string, unknown>, ["messages"]], [undefined, []]);
  const overrides = Object.entries(of.overrides);
  return (
    <>
      <div class="grid even" style={{ "--min": "420px" }}>
        <RateChart history={written} of={["publish"]} title={t.written} />
        <LengthChart history={records} of={["messages"]} title={t.records} />
      </div>
      {overrides.length > 0 && <Card title={`${t.configs}: ${t.overridden}`}><Facts of={overrides.map(([key, value]) => [<span class="mono">{key}</span>, <span class="mono">{value}</span>])} /></Card>}
    </>
  );
}

function Partitions({ topic }: { topic: string }) {
  const { data, error } = useResource<PartitionOf[]>(apiPath("topics", topic, "partitions"));
  const source = useLocal(data.value, { id: "partitions", error: error.value, name: (row) => String(row.partition) });
  return (
    <Table id="partitions" plain source={source} height={560} rowKey={(row) => String(row.partition)} columns={[
      { id: "partition", title: t.partition, sort: "partition", number: true, min: 80, cell: (row) => <b>{row.partition}</b> },
      { id: "start", title: t.start, sort: "start", number: true, cell: (row) => count(row.start) },
      { id: "end", title: t.end, sort: "end", number: true, cell: (row) => count(row.end) },
      { id: "records", title: t.records, sort: "messages", number: true, cell: (row) => <Quiet value={row.messages} /> },
      { id: "size", title: t.size, sort: "size_bytes", number: true, cell: (row) => bytes(row.size_bytes) },
      { id: "written", title: t.written, sort: "message_stats.publish_details.rate", number: true, cell: (row) => rate(rateOf(row.message_stats, "publish")) },
      { id: "producers", title: t.producers, sort: "producers", number: true, cell: (row) => <Quiet value={row.producers} /> },
      { id: "epoch", title: t.leaderEpoch, sort: "leader_epoch", number: true, cell: (row) => <span class="muted">{row.leader_epoch}</span> },
    ]} />
  );
}

function Groups({ of }: { of: TopicOf["groups"] }) {
  const source = useLocal(of, { id: "topic.groups" });
  return (
    <Table id="topic.groups" plain source={source} rowKey={(row) => row.name} link={(row) => link("groups", row.name)} empty={<Empty icon="groups"><p>{t.noGroups}</p></Empty>} columns={[
      { id: "name", title: t.group, sort: "name", min: 200, grow: 3, cell: (row) => <a class="name" href={link("groups", row.name)}>{row.name}</a> },
      { id: "state", title: t.state, sort: "state", min: 120, cell: (row) => row.state },
      { id: "lag", title: t.lag, sort: "lag", number: true, cell: (row) => <Quiet value={row.lag ?? undefined} /> },
    ]} />
  );
}

function Producers({ topic }: { topic: string }) {
  const { data, error } = useResource<ProducerOf[]>(apiPath("topics", topic, "producers"));
  const source = useLocal(data.value, { id: "producers", error: error.value, name: (row) => String(row.producer_id) });
  return (
    <Table id="producers" plain source={source} rowKey={(row) => `${row.partition} ${row.producer_id}`} empty={<Empty icon="send"><p>{t.noProducers}</p></Empty>} columns={[
      { id: "producer", title: t.producer, sort: "producer_id", number: true, cell: (row) => row.producer_id },
      { id: "partition", title: t.partition, sort: "partition", number: true, cell: (row) => row.partition },
      { id: "epoch", title: t.epoch, sort: "producer_epoch", number: true, cell: (row) => row.producer_epoch },
      { id: "sequence", title: t.lastSequence, sort: "last_sequence", number: true, cell: (row) => count(row.last_sequence) },
      { id: "last", title: t.lastWrite, sort: "last_timestamp", number: true, min: 170, cell: (row) => when(row.last_timestamp) },
    ]} />
  );
}

function Configs({ topic }: { topic: string }) {
  const { data, error, refresh } = useResource<ConfigOf[]>(apiPath("topics", topic, "configs"), 10_000);
  const source = useLocal(data.value, { id: "configs", error: error.value, sort: { by: "name", reverse: false } });
  const sources = { topic: t.fromTopic, broker: t.fromBroker, default: t.fromDefault };
  const change = (row: ConfigOf) => openDialog(row.name, (close) => <ChangeConfig topic={topic} of={row} close={close} done={refresh} />);
  return (
    <Table id="configs" source={source} height={600} rowKey={(row) => row.name} columns={[
      { id: "name", title: t.setting, sort: "name", min: 240, grow: 2, cell: (row) => <span class="mono" title={row.documentation}>{row.name}</span> },
      { id: "value", title: t.value, sort: "value", min: 180, grow: 2, cell: (row) => <span class="mono">{row.value}</span> },
      { id: "source", title: t.source, sort: "source", min: 110, cell: (row) => (row.source === "topic" ? <Tag tone="accent">{sources.topic}</Tag> : <span class="muted">{sources[row.source] ?? row.source}</span>) },
      { id: "change", title: "", number: true, min: 110, grow: 0, cell: (row) => (row.read_only ? null : <Button look="small" onClick={() => change(row)}>{t.change}</Button>) },
    ]} />
  );
}

function ChangeConfig({ topic, of, close, done }: { topic: string; of: ConfigOf; close: () => void; done: () => Promise<void> }) {
  const value = useSignal(of.value ?? "");
  const set = async (said: string | null) => {
    await put(apiPath("topics", topic, "configs"), { [of.name]: said });
    say(t.changed(of.name));
    close();
    changed();
    await done();
  };
  return (
    <Form onSubmit={() => set(value.value)} button={common.save} onCancel={close}>
      {of.documentation && <p class="muted">{of.documentation}</p>}
      <TextField label={t.value} value={value} mono />
      {of.source === "topic" && <div><Button look="small" onClick={() => void set(null).catch(complain)}>{t.toDefault}</Button></div>}
    </Form>
  );
}

function empty(name: string, topic: TopicOf | undefined): void {
  askBefore({
    title: t.emptyTitle(name), text: t.emptyText(count(topic?.messages)), button: t.empty, name,
    act: () => del(apiPath("topics", name, "contents")),
    done: () => { say(t.emptied(name)); changed(); },
  });
}

function remove(name: string, topic: TopicOf | undefined): void {
  askBefore({
    title: t.deleteTitle(name), text: t.deleteText(count(topic?.messages)), button: t.delete, name,
    act: () => del(apiPath("topics", name)),
    done: () => { go("#/topics"); say(t.deleted(name)); changed(); },
  });
}
