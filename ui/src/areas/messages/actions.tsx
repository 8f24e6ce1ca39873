/** What can be done with messages: those that are selected, or all that match. Each becomes a job. */
import { useSignal, type Signal } from "@preact/signals";
import { count } from "../../lib/format";
import { vhosts } from "../../lib/session";
import { Button, Segments } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { AreaField, Check, Form, SelectField, TextField } from "../../ui/form";
import { begin, isTopic, nameOf } from "./calls";
import { prettyJson } from "./payload";
import type { Action, Edit, Filter, Message, Order, Source, Target } from "./shapes";
import { t } from "./words";

/** Which messages: by position, or by a filter; without either, all. */
export interface Which {
  positions?: string[];
  filter?: Filter | undefined;
}

export interface Doing {
  source: Source;
  which: Which;
  onJob: (id: string) => void;
}

function orderOf({ source, which }: Doing, action: Action, more: Partial<Order> = {}): Order {
  return {
    action,
    source,
    ...(which.positions !== undefined && { positions: which.positions }),
    ...(which.filter !== undefined && { filter: which.filter }),
    ...more,
  };
}

async function run(doing: Doing, action: Action, more: Partial<Order> = {}): Promise<void> {
  doing.onJob(await begin(orderOf(doing, action, more)));
}

const howMany = (which: Which): string => (which.positions ? count(which.positions.length) : t.allMatching);

/** The buttons over a selection. */
export function Actions({ doing, message }: { doing: Doing; message?: Message | undefined }) {
  const keeps = isTopic(doing.source);
  return (
    <>
      {message && <Button title={t.editTitle} onClick={() => edit(doing, message)}>{t.edit}</Button>}
      <Button onClick={() => replay(doing)}>{t.replay}</Button>
      {!keeps && <Button onClick={() => requeue(doing)}>{t.requeue}</Button>}
      {!keeps && <Button onClick={() => transfer(doing, "move")}>{t.move}</Button>}
      <Button onClick={() => transfer(doing, "copy")}>{t.copy}</Button>
      {!keeps && <Button look="danger" onClick={() => remove(doing)}>{t.delete}</Button>}
    </>
  );
}

function remove(doing: Doing): void {
  const one = doing.which.positions !== undefined;
  askBefore({
    title: one ? t.deleteTitle(howMany(doing.which)) : t.deleteAllTitle,
    text: <p>{t.deleteText(nameOf(doing.source))}</p>,
    button: t.delete,
    ...(!one && { name: nameOf(doing.source) }),
    act: () => run(doing, "delete"),
  });
}

function requeue(doing: Doing): void {
  openDialog(t.requeueTitle, (close) => (
    <Form button={t.requeue} onCancel={close} onSubmit={() => run(doing, "requeue").then(close)}>
      <p>{t.requeueText}</p>
    </Form>
  ));
}

export function replay(doing: Doing, title = t.replayTitle): void {
  openDialog(title, (close) => <Replay doing={doing} close={close} />);
}

function Replay({ doing, close }: { doing: Doing; close: () => void }) {
  const to = useSignal<"queue" | "exchange">("queue");
  return (
    <Form button={t.replay} onCancel={close} onSubmit={() => run(doing, "replay", { to: to.value }).then(close)}>
      <p>{t.replayText}</p>
      <SelectField label={t.replayTo} value={to} options={[["queue", t.toQueue], ["exchange", t.toExchange]]} />
    </Form>
  );
}

function transfer(doing: Doing, action: "move" | "copy"): void {
  openDialog(`${action === "move" ? t.moveTitle : t.copyTitle} …`, (close) => <Transfer doing={doing} action={action} close={close} />);
}

interface Destination {
  kind: Signal<"queue" | "exchange">;
  vhost: Signal<string>;
  queue: Signal<string>;
  exchange: Signal<string>;
  key: Signal<string>;
}

function useDestination(source: Source): Destination {
  return {
    kind: useSignal<"queue" | "exchange">("queue"),
    vhost: useSignal("vhost" in source ? source.vhost : "/"),
    queue: useSignal(""),
    exchange: useSignal(""),
    key: useSignal(""),
  };
}

function targetOf({ kind, vhost, queue, exchange, key }: Destination): Target {
  if (kind.value === "queue") return { queue: queue.value, vhost: vhost.value };
  return { exchange: exchange.value, vhost: vhost.value, ...(key.value !== "" && { routing_key: key.value }) };
}

function DestinationFields({ of: { kind, vhost, queue, exchange, key } }: { of: Destination }) {
  const names = vhosts.value.includes(vhost.value) ? vhosts.value : [vhost.value, ...vhosts.value];
  return (
    <>
      <div class="field">
        <label>{t.target}</label>
        <Segments label={t.target} value={kind.value} onChange={(next) => (kind.value = next)} of={[["queue", t.aQueue], ["exchange", t.anExchange]]} />
      </div>
      {names.length > 1 && <SelectField label={t.vhost} value={vhost} options={names.map((name) => [name, name])} />}
      {kind.value === "queue" ? <TextField label={t.queueName} value={queue} mono required /> : (
        <div class="pair">
          <TextField label={t.exchangeName} value={exchange} mono placeholder={t.defaultExchange} />
          <TextField label={t.newKey} value={key} mono hint={t.newKeyHint} />
        </div>
      )}
    </>
  );
}

function Transfer({ doing, action, close }: { doing: Doing; action: "move" | "copy"; close: () => void }) {
  const destination = useDestination(doing.source);
  const atMost = useSignal("");
  const ready = destination.kind.value === "exchange" || destination.queue.value !== "";
  const submit = async () => {
    const limit = Number(atMost.value);
    await run(doing, action, { target: targetOf(destination), ...(limit > 0 && { limit }) });
    close();
  };
  return (
    <Form button={action === "move" ? t.a_move : t.a_copy} ready={ready} onCancel={close} onSubmit={submit}>
      <DestinationFields of={destination} />
      {doing.which.positions === undefined && <TextField label={t.atMost} hint={t.atMostHint} value={atMost} type="number" />}
      <p class="muted">{action === "move" ? t.moveText : t.copyText}</p>
    </Form>
  );
}

function edit(doing: Doing, message: Message): void {
  openDialog(t.editTitle, (close) => <Editor doing={doing} message={message} close={close} />, { wide: true });
}

function Editor({ doing, message, close }: { doing: Doing; message: Message; close: () => void }) {
  const isText = message.payload_encoding === "string";
  const destination = useDestination(doing.source);
  const first = prettyJson(message.payload) ?? message.payload;
  const payload = useSignal(isText ? first : message.payload);
  const properties = useSignal(JSON.stringify(message.properties, null, 2));
  const headers = useSignal(JSON.stringify(message.headers, null, 2));
  const takeOut = useSignal(false);
  useStart(destination, doing.source, message);
  const submit = async () => {
    const change: Edit = {
      ...(payload.value !== first && { payload: payload.value, payload_encoding: message.payload_encoding }),
      ...changesOf("properties", message.properties, objectFrom(t.editProperties, properties.value)),
      ...changesOf("headers", message.headers, objectFrom(t.editHeaders, headers.value)),
    };
    await run(doing, takeOut.value ? "move" : "copy", { target: targetOf(destination), edit: change });
    close();
  };
  return (
    <Form button={t.editAnd} onCancel={close} onSubmit={submit} ready={destination.kind.value === "exchange" || destination.queue.value !== ""}>
      <DestinationFields of={destination} />
      <AreaField label={isText ? t.editPayload : `${t.editPayload} (base64)`} value={payload} rows={9} />
      <div class="pair">
        <AreaField label={t.editProperties} value={properties} rows={6} />
        <AreaField label={t.editHeaders} value={headers} rows={6} />
      </div>
      {!isTopic(doing.source) && <Check label={t.removeOriginal} value={takeOut} />}
      <p class="muted">{t.editHere}</p>
    </Form>
  );
}

/** Where it came from is where an edited message most likely goes: the queue it died in, or its exchange. */
function useStart(destination: Destination, source: Source, message: Message): void {
  const done = useSignal(false);
  if (done.value) return;
  done.value = true;
  const died = message.headers["x-first-death-queue"];
  if (typeof died === "string") destination.queue.value = died;
  else if (isTopic(source)) destination.queue.value = nameOf(source).split(" / ")[0] ?? "";
  else {
    destination.kind.value = "exchange";
    destination.exchange.value = message.exchange;
    destination.key.value = message.routing_key;
  }
}

function objectFrom(label: string, text: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    throw new Error(t.badJson(label));
  }
  if (typeof said !== "object" || said === null || Array.isArray(said)) throw new Error(t.badJson(label));
  return said as Record<string, unknown>;
}

/** What is different; what is gone is null. */
export function changesOf(
  part: "properties" | "headers",
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): Partial<Edit> {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    if (JSON.stringify(before[name]) !== JSON.stringify(value)) changes[name] = value;
  }
  for (const name of Object.keys(before)) if (!(name in after)) changes[name] = null;
  return Object.keys(changes).length === 0 ? {} : { [part]: changes };
}

/** Purge some or all of a queue. */
export function purge(doing: Doing): void {
  openDialog(t.purgeTitle, (close) => <Purge doing={doing} close={close} />);
}

function Purge({ doing, close }: { doing: Doing; close: () => void }) {
  const atMost = useSignal("");
  const name = useSignal("");
  const limit = Number(atMost.value);
  const submit = () => run({ ...doing, which: {} }, "purge", limit > 0 ? { limit } : {}).then(close);
  return (
    <Form button={t.a_purge} look="danger solid" onCancel={close} onSubmit={submit} ready={limit > 0 || name.value === nameOf(doing.source)}>
      <p>{t.purgeText(nameOf(doing.source))}</p>
      <TextField label={t.purgeCount} hint={t.atMostHint} value={atMost} type="number" />
      {!(limit > 0) && <TextField label={t.queueName} hint={nameOf(doing.source)} value={name} mono />}
    </Form>
  );
}
