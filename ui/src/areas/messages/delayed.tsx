/** What waits for its time: to be sent at once, or not at all. */
import { useSignal } from "@preact/signals";
import { apiPath, del, post, withQuery } from "../../lib/api";
import { count, duration, when } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { vhost, vhosts } from "../../lib/session";
import { Button, Card, Empty, Head, secondHand, Segments } from "../../ui/bits";
import { askBefore } from "../../ui/dialog";
import { complain, say } from "../../ui/toast";
import { PREVIEW_BYTES } from "./calls";
import { Detail } from "./detail";
import { preview } from "./payload";
import type { Delayed, DelayedPage } from "./shapes";
import { t } from "./words";
import "./messages.css";

const COUNT = 100;
const EVERY_MS = 3000;

export function DelayedMessages() {
  const chosen = useSignal(vhost.value || vhosts.value[0] || "/");
  const name = vhost.value || chosen.value;
  const after = useSignal<string[]>([]);
  const open = useSignal<string | undefined>(undefined);
  const path = withQuery(apiPath("delayed", name), { count: COUNT, truncate: PREVIEW_BYTES, after: after.value.at(-1) });
  const { data, error, refresh } = useResource<DelayedPage>(path, EVERY_MS);
  const messages = data.value?.messages ?? [];
  const act = (one: Delayed, said: string, how: Promise<unknown>) => void how.then(() => say(said), complain).then(refresh, () => undefined).then(() => (open.value = open.value === one.id ? undefined : open.value));
  return (
    <div class="page messages">
      <Head title={t.delayedTitle} sub={data.value ? `${t.delayedAbout} · ${t.total(count(data.value.total))}` : t.delayedAbout}>
        {!vhost.value && vhosts.value.length > 1 && vhosts.value.length < 5 && (
          <Segments label={t.oneVhost} value={name} of={vhosts.value.map((one) => [one, one])} onChange={(next) => (chosen.value = next)} />
        )}
      </Head>
      {error.value?.status === 404 ? <div class="note">{t.notHere}</div> : error.value && <div class="problem">{error.value.reason}</div>}
      {data.value && messages.length === 0 && <Card><Empty icon="clock" title={t.noDelayed}><p>{t.noDelayedHint}</p></Empty></Card>}
      {messages.length > 0 && (
        <section class="card flush">
          {messages.map((one) => (
            <article key={one.id} class="waiting">
              <button type="button" class="row line" aria-expanded={open.value === one.id} onClick={() => (open.value = open.value === one.id ? undefined : one.id)}>
                <strong class="due">{dueText(one.due)}</strong>
                <span class="muted when">{when(one.due)}</span>
                <span class="mono">{one.exchange || t.defaultExchange} <span class="faint">{one.routing_key}</span></span>
                <code class="clip grow faint">{preview(one)}</code>
              </button>
              <Button look="small" onClick={() => act(one, t.released, post(apiPath("delayed", name, one.id, "release")))}>{t.release}</Button>
              <Button look="small danger" onClick={() => askBefore({ title: t.cancelTitle, text: <p>{t.cancelText}</p>, button: t.cancelOne, act: () => del(apiPath("delayed", name, one.id)), done: () => { say(t.cancelled); void refresh(); } })}>{t.cancelOne}</Button>
              {open.value === one.id && <div class="wide"><Detail message={one} vhost={name} /></div>}
            </article>
          ))}
        </section>
      )}
      <div class="row">
        {after.value.length > 0 && <Button onClick={() => (after.value = after.value.slice(0, -1))}>{t.back}</Button>}
        {data.value?.next && messages.length === COUNT && <Button onClick={() => (after.value = [...after.value, data.value!.next!])}>{t.next}</Button>}
      </div>
    </div>
  );
}

function dueText(due: number): string {
  secondHand.value; // counts down
  const left = due - Date.now();
  return left <= 0 ? t.overdue : t.dueIn(duration(left));
}
