/** What happened to message X: all that was seen of it, from the first publisher to the last acknowledgement. */
import { useSignal } from "@preact/signals";
import { apiPath, del, get, put, withQuery } from "../../lib/api";
import { count } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { query, setQuery } from "../../lib/router";
import { isAdministrator, vhost as chosenVhost, vhosts } from "../../lib/session";
import { Button, Card, Empty, Head, Tag } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { Form, SelectField, TextField } from "../../ui/form";
import { Line, Story } from "./events";
import type { Trace, Traced, TraceEvent } from "./shapes";
import { t } from "./words";
import "./tracing.css";

const SHOWN = 300;
const EVERY_MS = 1500;
const EVENTS = ["published", "unroutable", "delivered", "acknowledged", "rejected", "requeued", "dead-lettered", "dropped"];

export function Tracing() {
  const vhost = query.value.get("vhost") ?? chosenVhost.value;
  const traces = useResource<Trace[]>(isAdministrator.value ? (vhost ? apiPath("traces", vhost) : "api/traces") : null);
  if (!isAdministrator.value) return <Plain><Empty icon="trace" title={t.adminOnly} /></Plain>;
  if (traces.error.value?.status === 404) return <Plain><Empty icon="trace" title={t.notHere} /></Plain>;
  const all = traces.data.value;
  return (
    <div class="page tracing">
      <Head title={t.title} sub={t.about}><Button icon="plus" look="primary" onClick={() => start(vhost)}>{t.start}</Button></Head>
      {all && all.length > 0 && <Traces all={all} />}
      {all && (all.length === 0 ? <Off vhost={vhost} /> : <Events vhost={vhost} />)}
    </div>
  );
}

function Plain({ children }: { children: preact.ComponentChildren }) {
  return <div class="page"><Head title={t.title} sub={t.about} /><Card>{children}</Card></div>;
}

function Off({ vhost }: { vhost: string }) {
  return (
    <Card>
      <Empty icon="trace" title={t.offTitle}>
        <p>{t.offText}</p>
        <Button icon="plus" look="primary" onClick={() => start(vhost)}>{t.start}</Button>
      </Empty>
    </Card>
  );
}

function Traces({ all }: { all: Trace[] }) {
  return (
    <div class="row wrap">
      {all.map((one) => (
        <span key={`${one.vhost}/${one.name}`} class="trace-chip">
          <span class="dot good" />
          <strong>{one.name}</strong>
          {(vhosts.value.length > 1) && <code class="faint">{one.vhost}</code>}
          <code>{one.pattern === "#" ? t.everything : one.pattern}</code>
          {one.user && <span class="muted">{t.by} {one.user}</span>}
          {one.seen !== undefined && <span class="faint">{t.seen(count(one.seen))}</span>}
          <Button look="quiet small" onClick={() => stop(one)}>{t.stop}</Button>
        </span>
      ))}
    </div>
  );
}

function stop(one: Trace): void {
  askBefore({ title: `${t.stopTitle}: ${one.name}`, text: <p>{t.stopText}</p>, button: t.stop, act: () => del(apiPath("traces", one.vhost, one.name)), done: changed });
}

function start(vhost: string): void {
  openDialog(t.start, (close) => <Start vhost={vhost} close={close} />);
}

function Start({ vhost, close }: { vhost: string; close: () => void }) {
  const name = useSignal("page");
  const where = useSignal(vhost || vhosts.value[0] || "/");
  const pattern = useSignal("#");
  const user = useSignal("");
  const events = useSignal("10000");
  const payload = useSignal("1024");
  const submit = async () => {
    await put(apiPath("traces", where.value, name.value), {
      pattern: pattern.value, events: Number(events.value), max_payload_bytes: Number(payload.value), ...(user.value && { user: user.value }),
    });
    close();
    changed();
  };
  return (
    <Form button={t.start} onCancel={close} onSubmit={submit} ready={name.value !== ""}>
      <div class="pair">
        <TextField label={t.name} value={name} required />
        {vhosts.value.length > 1 && <SelectField label={t.vhost} value={where} options={vhosts.value.map((one) => [one, one])} />}
      </div>
      <TextField label={t.pattern} value={pattern} mono hint={t.patternHint} />
      <TextField label={t.user} value={user} hint={t.userHint} />
      <div class="pair">
        <TextField label={t.events} value={events} type="number" />
        <TextField label={t.payload} value={payload} type="number" />
      </div>
    </Form>
  );
}

/** The newest events, or those that fit what is asked; one message's story when one is chosen. */
function Events({ vhost }: { vhost: string }) {
  const story = query.value.get("trace_id");
  const paused = useSignal(false);
  const id = useSignal("");
  const queue = useSignal(query.peek().get("queue") ?? "");
  const event = useSignal("");
  const asked = { vhost: vhost || undefined, count: SHOWN, queue: queue.value.trim(), event: event.value };
  const every = paused.value || story !== null ? 0 : EVERY_MS;
  const { data } = useResource<Traced>(withQuery("api/trace/messages", asked), every);
  const find = async (submitted: Event) => {
    submitted.preventDefault();
    const found = await findMessage(vhost, id.value.trim());
    setQuery("trace_id", found ?? "-");
  };
  if (story !== null) return <Told vhost={vhost} id={story} onBack={() => setQuery("trace_id", "")} />;
  const events = [...(data.value?.events ?? [])].reverse();
  const narrowed = queue.value !== "" || event.value !== "";
  return (
    <section class="card">
      <div class="table-bar">
        <form class="row find" onSubmit={(submitted) => void find(submitted)}>
          <input class="input" placeholder={t.id} aria-label={t.id} spellcheck={false} value={id.value} onInput={(typed) => (id.value = typed.currentTarget.value)} />
          <Button type="submit" icon="search" disabled={id.value.trim() === ""}>{t.search}</Button>
        </form>
        <span class="grow" />
        <input class="input queue" placeholder={t.queue} aria-label={t.queue} spellcheck={false} value={queue.value} onInput={(typed) => (queue.value = typed.currentTarget.value)} />
        <select class="select kind" aria-label={t.anyEvent} value={event.value} onChange={(changed_) => (event.value = changed_.currentTarget.value)}>
          <option value="">{t.anyEvent}</option>
          {EVENTS.map((one) => <option key={one} value={one}>{eventText(one)}</option>)}
        </select>
        <Button onClick={() => (paused.value = !paused.value)} aria-pressed={paused.value}>{paused.value ? t.goOn : t.pause}</Button>
      </div>
      {data.value && events.length === 0 && (
        <Empty icon="trace" title={narrowed ? t.nothingFound : t.noEvents}><p>{narrowed ? t.nothingFoundText : t.noEventsText}</p></Empty>
      )}
      <div class="events">{events.map((one, i) => <Line key={`${one.time} ${one.trace_id} ${one.event} ${one.queue} ${i}`} event={one} onOpen={() => setQuery("trace_id", idOf(one, events))} />)}</div>
    </section>
  );
}

/** What ends at a place in a queue is said without its message: that which was delivered from there before. */
function idOf(event: TraceEvent, events: TraceEvent[]): string {
  if (event.trace_id) return event.trace_id;
  const before = events.find((one) => one.trace_id && one.queue === event.queue && one.position === event.position && one.time <= event.time);
  return before?.trace_id ?? "-";
}

/** A message is asked for by whatever its people call it. */
async function findMessage(vhost: string, id: string): Promise<string | undefined> {
  const names = /^[0-9a-f]{24}$/.test(id) ? ["trace_id", "message_id", "correlation_id"] : ["message_id", "correlation_id"];
  for (const name of names) {
    const said = await get<Traced>(withQuery("api/trace/messages", { vhost: vhost || undefined, count: SHOWN, [name]: id }));
    const found = said.events.find((one) => one.trace_id);
    if (found) return found.trace_id;
  }
  return undefined;
}

function Told({ vhost, id, onBack }: { vhost: string; id: string; onBack: () => void }) {
  const { data } = useResource<Traced>(id === "-" ? null : withQuery("api/trace/messages", { vhost: vhost || undefined, trace_id: id, count: SHOWN }), EVERY_MS * 2);
  const events: TraceEvent[] = data.value?.events ?? [];
  const first = events[0];
  return (
    <>
      <div class="row wrap">
        <Button onClick={onBack}>← {t.back}</Button>
        {first && <h2>{t.message} <code>{first.message_id || first.trace_id}</code></h2>}
        {first?.correlation_id && <Tag><code>{first.correlation_id}</code></Tag>}
      </div>
      {(id === "-" || (data.value && events.length === 0)) && <Card><Empty icon="search" title={t.nothingFound}><p>{t.nothingFoundText}</p></Empty></Card>}
      {events.length > 0 && <Story events={events} />}
    </>
  );
}

export function eventText(event: string): string {
  const words: Record<string, string> = {
    published: t.e_published, unroutable: t.e_unroutable, delivered: t.e_delivered, acknowledged: t.e_acknowledged, rejected: t.e_rejected,
    requeued: t.e_requeued, "dead-lettered": t.e_dead_lettered, dropped: t.e_dropped, expired: t.e_expired, returned: t.e_returned, routed: t.e_routed,
  };
  return words[event] ?? event;
}
