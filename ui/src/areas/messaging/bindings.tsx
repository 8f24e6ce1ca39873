/** Bindings of a queue or exchange: seen, made, removed. */
import { useSignal } from "@preact/signals";
import { apiPath, del, post } from "../../lib/api";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { usePaged } from "../../lib/rows";
import { Button } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { Form, objectOf, Pairs, SelectField, TextField, type Pair } from "../../ui/form";
import { Table, type Column } from "../../ui/table";
import { say } from "../../ui/toast";
import { exchangeInPath, ExchangeLink, exchangeTitle, QueueLink, shown, type BindingOf } from "./things";
import { t } from "./words";

const EVERY_MS = 10_000; // bindings change seldom, and are told of by the stream

type Kind = "queue" | "exchange";

function pathOf(one: BindingOf): string {
  const kind = one.destination_type === "queue" ? "q" : "e";
  return apiPath("bindings", one.vhost, "e", exchangeInPath(one.source), kind, one.destination, one.properties_key);
}

/** What comes to a queue or exchange (`to`), or goes from an exchange (`from`). */
export function Bindings({ vhost, name, kind, way }: { vhost: string; name: string; kind: Kind; way: "to" | "from" }) {
  const path = kind === "queue" ? apiPath("queues", vhost, name, "bindings")
    : apiPath("exchanges", vhost, exchangeInPath(name), "bindings", way === "to" ? "destination" : "source");
  const source = usePaged<BindingOf>(path, { id: "bindings", every: EVERY_MS });
  const remove = (row: BindingOf) => askBefore({
    title: t.unbindTitle,
    text: t.unbindText(exchangeTitle(row.source), row.destination, row.routing_key),
    button: t.unbind,
    act: () => del(pathOf(row)),
    done: () => { say(t.unbound); void source.refresh(); },
  });
  const add = () => openDialog(t.addBinding, (close) => (
    <BindForm vhost={vhost} name={name} kind={kind} way={way} done={() => { close(); void source.refresh(); }} close={close} />
  ));
  const other: Column<BindingOf> = way === "to"
    ? { id: "source", title: t.from, sort: "source", min: 150, grow: 2, cell: (row) => <ExchangeLink vhost={row.vhost} name={row.source} /> }
    : { id: "destination", title: t.to, sort: "destination", min: 150, grow: 2, cell: (row) => (row.destination_type === "queue" ? <QueueLink vhost={row.vhost} name={row.destination} /> : <ExchangeLink vhost={row.vhost} name={row.destination} />) };
  const columns: Column<BindingOf>[] = [
    other,
    ...(way === "from" ? [{ id: "type", title: t.type, sort: "destination_type", min: 80, cell: (row: BindingOf) => (row.destination_type === "queue" ? t.toQueue : t.toExchange) }] : []),
    { id: "key", title: t.routingKey, sort: "routing_key", min: 150, grow: 2, cell: (row) => <span class="mono" title={row.routing_key}>{row.routing_key}</span> },
    { id: "arguments", title: t.arguments, min: 120, grow: 1.5, cell: (row) => <span class="mono faint">{Object.entries(row.arguments).map(([key, value]) => `${key}=${shown(value)}`).join(" ")}</span> },
    { id: "remove", title: "", min: 60, grow: 0, number: true, cell: (row) => (row.source === "" ? null : (
      <Button icon="trash" look="quiet small" aria-label={t.unbind} title={t.unbind} onClick={() => remove(row)} />
    )) },
  ];
  return (
    <Table id={`bindings.${way}`} source={source} columns={columns} rowKey={(row) => `${row.source}\n${row.destination_type}\n${row.destination}\n${row.properties_key}`}
      actions={<Button icon="plus" look="small" onClick={add}>{t.addBinding}</Button>} />
  );
}

function BindForm({ vhost, name, kind, way, done, close }: { vhost: string; name: string; kind: Kind; way: "to" | "from"; done: () => void; close: () => void }) {
  const other = useSignal("");
  const type = useSignal<Kind>("queue");
  const key = useSignal("");
  const args = useSignal<Pair[]>([]);
  const names = useResource<{ name: string }[]>(apiPath(way === "to" ? "exchanges" : type.value === "queue" ? "queues" : "exchanges", vhost) + "?columns=name&page=1&page_size=500&pagination=true", 0);
  const known = (names.data.value as { items?: { name: string }[] } | undefined)?.items ?? [];
  const submit = async () => {
    const [from, toKind, to] = way === "to" ? [other.value, kind, name] : [name, type.value, other.value];
    await post(apiPath("bindings", vhost, "e", exchangeInPath(from), toKind === "queue" ? "q" : "e", to), { routing_key: key.value, arguments: objectOf(args.value) });
    changed();
    say(t.bound);
    done();
  };
  return (
    <Form onSubmit={submit} button={t.bind} onCancel={close}>
      {way === "from" && <SelectField label={t.destination} value={type} options={[["queue", t.toQueue], ["exchange", t.toExchange]]} />}
      <TextField label={way === "to" ? t.exchange : type.value === "queue" ? t.queue : t.exchange} value={other} required list="bind-names" mono />
      <datalist id="bind-names">{known.filter((one) => one.name).map((one) => <option value={one.name} />)}</datalist>
      <TextField label={t.routingKey} value={key} mono />
      <Pairs label={t.arguments} value={args} />
    </Form>
  );
}

