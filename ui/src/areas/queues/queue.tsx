import { ApiError, apiPath, del } from "../../lib/api";
import { bytes, count, rate, short } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link, type Params } from "../../lib/router";
import { historyFrom, rateOf, withSamples } from "../../lib/samples";
import { Button, Card, chosenTab, Empty, Facts, Figures, Head, Tabs, Tag } from "../../ui/bits";
import { LengthChart, RateChart } from "../../ui/charts";
import { askBefore } from "../../ui/dialog";
import { Offers } from "../../ui/offers";
import { say } from "../../ui/toast";
import { t as common } from "../../ui/words";
import { Bindings } from "../messaging/bindings";
import { Consumers } from "../messaging/consumers";
import { GetMessages } from "../messaging/get";
import { Publish } from "../messaging/publish";
import { ArgumentList, Features, type QueueOf } from "../messaging/things";
import { t } from "../messaging/words";

const LENGTHS = ["messages_ready", "messages_unacknowledged", "messages"];
const RATES = ["publish", "deliver_get", "ack", "redeliver"];

export function Queue({ params }: { params: Params }) {
  const vhost = params["vhost"] ?? "/";
  const name = params["queue"] ?? "";
  const { data, error } = useResource<QueueOf>(withSamples(apiPath("queues", vhost, name)));
  const queue = data.value;
  if (error.value?.status === 404) return <Gone name={name} />;
  const tab = chosenTab("overview");
  const stream = queue?.type === "stream";
  return (
    <div class="page">
      <Head crumbs={<><a href="#/queues">{t.queues}</a> · {t.vhost} <span class="mono">{vhost}</span></>} title={name}
        sub={queue && <><Tag>{queue.type}</Tag>{queue.durable && <Tag>{t.durable}</Tag>}<Features of={queue} />{queue.policy && <Tag tone="accent">{t.policy}: {queue.policy}</Tag>}</>}>
        <Offers of="queue" names={[vhost, name]} />
        {!stream && <Button icon="inbox" look="danger" onClick={() => purge(vhost, name, queue)}>{t.purge}</Button>}
        <Button icon="trash" look="danger" onClick={() => remove(vhost, name, queue)}>{t.delete}</Button>
      </Head>
      {error.value && <Failed error={error.value} />}
      <Figures of={[
        { what: t.ready, value: short(queue?.messages_ready), tone: "--series-1" },
        { what: t.unacked, value: short(queue?.messages_unacknowledged), tone: "--series-2" },
        { what: t.incoming, value: rate(rateOf(queue?.message_stats, "publish")) },
        { what: t.outgoing, value: rate(rateOf(queue?.message_stats, "deliver_get")) },
        { what: t.acked, value: rate(rateOf(queue?.message_stats, "ack")) },
        { what: t.consumers, value: count(queue?.consumers) },
        { what: t.size, value: bytes(queue?.message_bytes_ready) },
      ]} />
      <Tabs of={[
        { id: "overview", label: t.overview },
        { id: "consumers", label: t.consumers, tally: queue?.consumers },
        { id: "bindings", label: t.bindings },
        { id: "publish", label: t.publish },
        { id: "get", label: t.getMessages },
      ]} />
      {tab === "overview" && queue && <About of={queue} />}
      {tab === "consumers" && <Consumers of={queue?.consumer_details} />}
      {tab === "bindings" && <Bindings vhost={vhost} name={name} kind="queue" way="to" />}
      {tab === "publish" && <Publish vhost={vhost} queue={name} />}
      {tab === "get" && (stream ? <Card><Empty icon="topics"><p>{t.getStream}</p><div class="row"><Offers of="queue" names={[vhost, name]} /></div></Empty></Card> : <GetMessages vhost={vhost} queue={name} />)}
    </div>
  );
}

function About({ of }: { of: QueueOf }) {
  const told = of as unknown as Record<string, unknown>;
  const history = historyFrom(`queue ${of.vhost} ${of.name}`, [told, LENGTHS], [of.message_stats, RATES]);
  const effective = of.effective_policy_definition ?? {};
  return (
    <>
      <div class="grid even" style={{ "--min": "420px" }}>
        <LengthChart history={history} of={LENGTHS.slice(0, 2)} />
        <RateChart history={history} of={RATES} />
      </div>
      <div class="grid">
        <Card title={t.details}>
          <Facts of={[
            [t.vhost, of.vhost],
            [t.type, of.type],
            [t.durable, of.durable ? common.yes : common.no],
            [t.autoDelete, of.auto_delete ? common.yes : common.no],
            [t.exclusive, of.exclusive && common.yes],
            [t.owner, of.owner_pid_details?.name && <a href={link("connections", of.owner_pid_details.name)}>{of.owner_pid_details.name}</a>],
            [t.singleActive, of.single_active_consumer_tag],
            [t.policy, of.policy],
            [t.operatorPolicy, of.operator_policy],
            [t.node, of.node],
          ]} />
        </Card>
        <Card title={t.arguments}><ArgumentList of={of.arguments} /></Card>
        {Object.keys(effective).length > 0 && <Card title={t.effectivePolicy}><ArgumentList of={effective} /></Card>}
      </div>
    </>
  );
}

function purge(vhost: string, name: string, queue: QueueOf | undefined): void {
  askBefore({
    title: t.purgeTitle(name), text: t.purgeText(count(queue?.messages_ready)), button: t.purge, name,
    act: () => del(apiPath("queues", vhost, name, "contents")),
    done: () => { say(t.purged(name)); changed(); },
  });
}

function remove(vhost: string, name: string, queue: QueueOf | undefined): void {
  askBefore({
    title: t.deleteQueueTitle(name), text: t.deleteQueueText(count(queue?.messages), count(queue?.consumers)), button: t.delete, name,
    act: () => del(apiPath("queues", vhost, name)),
    done: () => { go("#/queues"); say(t.deleted(name)); changed(); },
  });
}

export function Gone({ name }: { name: string }) {
  return <div class="page"><Card><Empty icon="search" title={common.goneTitle}><p class="mono">{name}</p><p>{common.notFound}</p></Empty></Card></div>;
}

function Failed({ error }: { error: ApiError }) {
  return <div class="problem" role="alert">{error.message}</div>;
}
