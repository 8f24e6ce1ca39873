/** Half messages: whose senders have not decided yet. An operator may decide for them. */
import { useSignal } from "@preact/signals";
import { apiPath, post, withQuery } from "../../lib/api";
import { count, duration } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { vhost, vhosts } from "../../lib/session";
import { Button, Card, Empty, Head, Segments } from "../../ui/bits";
import { askBefore } from "../../ui/dialog";
import { say } from "../../ui/toast";
import type { OpenTransaction, TransactionsPage } from "./shapes";
import { t } from "./words";
import "./messages.css";

const COUNT = 100;
const EVERY_MS = 3000;

export function Transactions() {
  const chosen = useSignal(vhost.value || vhosts.value[0] || "/");
  const name = vhost.value || chosen.value;
  const after = useSignal<string[]>([]);
  const path = withQuery(apiPath("transactions", name), { count: COUNT, after: after.value.at(-1) });
  const { data, error, refresh } = useResource<TransactionsPage>(path, EVERY_MS);
  const rows = data.value?.transactions ?? [];
  const end = (one: OpenTransaction, how: "commit" | "rollback", title: string, text: string, button: string, said: string) =>
    askBefore({ title, text: <p>{text}</p>, button, act: () => post(apiPath("transactions", name, one.id, how)), done: () => { say(said); void refresh(); } });
  return (
    <div class="page messages">
      <Head title={t.transactionsTitle} sub={data.value ? `${t.transactionsAbout} · ${t.total(count(data.value.total))}` : t.transactionsAbout}>
        {!vhost.value && vhosts.value.length > 1 && vhosts.value.length < 5 && (
          <Segments label={t.oneVhost} value={name} of={vhosts.value.map((one) => [one, one])} onChange={(next) => (chosen.value = next)} />
        )}
      </Head>
      {error.value && <div class="problem">{error.value.reason}</div>}
      {data.value && rows.length === 0 && <Card><Empty icon="clock" title={t.noTransactions}><p>{t.noTransactionsHint}</p></Empty></Card>}
      {rows.length > 0 && (
        <section class="card flush">
          {rows.map((one) => (
            <article key={one.id} class="waiting">
              <div class="row line">
                <strong class="due" title={t.age}>{duration(one.age_ms)}</strong>
                <span class="mono" title={t.topic}>{one.topic} <span class="faint">{one.partition}</span></span>
                <span title={t.transactionGroup}>{one.group}</span>
                <code class="clip grow faint" title={t.transactionId}>{one.transaction_id}</code>
                <span class="muted">{t.bytes}: {count(one.bytes)} · {t.asked}: {count(one.checks)}</span>
              </div>
              <Button look="small" onClick={() => end(one, "commit", t.commitTitle, t.commitText, t.commitOne, t.committedOne)}>{t.commitOne}</Button>
              <Button look="small danger" onClick={() => end(one, "rollback", t.rollBackTitle, t.rollBackText, t.rollBackOne, t.rolledBackOne)}>{t.rollBackOne}</Button>
            </article>
          ))}
        </section>
      )}
      <div class="row">
        {after.value.length > 0 && <Button onClick={() => (after.value = after.value.slice(0, -1))}>{t.back}</Button>}
        {data.value?.next && <Button onClick={() => (after.value = [...after.value, data.value!.next!])}>{t.next}</Button>}
      </div>
    </div>
  );
}
