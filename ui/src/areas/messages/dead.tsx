/** Dead letters, grouped: what went wrong, where, how often; and the way back. */
import { useSignal } from "@preact/signals";
import { apiPath } from "../../lib/api";
import { ago, bytes, count } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { link, linkWith } from "../../lib/router";
import { vhost } from "../../lib/session";
import { Button, Card, Empty, Head, Snippet, Tag } from "../../ui/bits";
import { replay, type Doing } from "./actions";
import { useJob } from "./calls";
import { reasonText } from "./detail";
import { Progress } from "./progress";
import type { DeadGroup, DeadLetters } from "./shapes";
import { t } from "./words";
import "./messages.css";

const EVERY_MS = 10_000; // the server reads messages for it

const SET_UP = `rabbitmqadmin declare queue name=orders.dead
rabbitmqadmin declare queue name=orders \\
  arguments='{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dead"}'`;

export function Dead() {
  const path = vhost.value ? apiPath("dead-letters", vhost.value) : "api/dead-letters";
  const { data, error, refresh } = useResource<DeadLetters>(path, EVERY_MS);
  const id = useSignal<string | undefined>(undefined);
  const job = useJob(id.value, () => {
    void refresh();
    changed();
  }).job.value;
  const groups = [...(data.value?.groups ?? [])].sort((a, b) => b.count - a.count);
  return (
    <div class="page messages">
      <Head title={t.deadTitle} sub={t.deadAbout}><Button icon="refresh" onClick={() => void refresh()}>{t.refresh}</Button></Head>
      {error.value?.status === 404 ? <div class="note">{t.notHere}</div> : error.value && <div class="problem">{error.value.reason}</div>}
      {job && <Progress job={job} onClose={() => (id.value = undefined)} />}
      {data.value && !data.value.complete && <div class="note">{t.incomplete}</div>}
      {data.value && groups.length === 0 && <NoDead />}
      {groups.map((group) => <Group key={JSON.stringify([group.vhost, group.queue, group.filter])} group={group} onJob={(next) => (id.value = next)} />)}
    </div>
  );
}

function NoDead() {
  return (
    <Card>
      <Empty icon="dead" title={t.noDead}>
        <p>{t.noDeadHint}</p>
        <h3>{t.deadSetUp}</h3>
        <Snippet text={SET_UP} />
      </Empty>
    </Card>
  );
}

function Group({ group, onJob }: { group: DeadGroup; onJob: (id: string) => void }) {
  const source = { vhost: group.vhost, queue: group.queue };
  const doing: Doing = { source, which: { filter: group.filter }, onJob };
  return (
    <article class="card dead-group">
      <div class="figure">
        <div class="value">{count(group.count)}</div>
        <div class="what">{bytes(group.bytes)}</div>
      </div>
      <div class="grow stack-small">
        <div class="row wrap">
          <Tag tone="bad">{reasonText(group.reason)}</Tag>
          <a class="mono strong" href={link("queues", group.vhost, group.origin_queue)}>{group.origin_queue}</a>
          <span class="faint">→</span>
          <a class="mono" href={link("messages", group.vhost, group.queue)}>{group.queue}</a>
          {group.vhost !== "/" && <Tag>{group.vhost}</Tag>}
        </div>
        <div class="row wrap muted">
          <span>{t.via} <code>{group.origin_exchange || t.defaultExchange}</code></span>
          {group.routing_keys.map((key) => <Tag><code>{key}</code></Tag>)}
        </div>
        <div class="faint">{t.oldestOne}: {ago(group.oldest)} · {t.newestOne}: {ago(group.newest)}</div>
      </div>
      <div class="row">
        <a class="button" href={linkWith({ filter: JSON.stringify(group.filter) }, "messages", group.vhost, group.queue)}>{t.look}</a>
        <Button icon="send" look="primary" onClick={() => replay(doing, t.sendGroupTitle(count(group.count)))}>{t.replay}</Button>
      </div>
    </article>
  );
}
