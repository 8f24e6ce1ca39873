import { useSignal } from "@preact/signals";
import { apiPath, put } from "../../lib/api";
import { rate } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link } from "../../lib/router";
import { usePaged } from "../../lib/rows";
import { rateOf } from "../../lib/samples";
import { vhost as shownVhost, vhosts } from "../../lib/session";
import { Button, Head } from "../../ui/bits";
import { openDialog } from "../../ui/dialog";
import { Check, Form, objectOf, Pairs, SelectField, TextField, type Pair } from "../../ui/form";
import { Table, type Column } from "../../ui/table";
import { say } from "../../ui/toast";
import { t as common } from "../../ui/words";
import { exchangeInPath, ExchangeLink, Features, vhostColumn, type ExchangeOf } from "../messaging/things";
import { t } from "../messaging/words";

export function Exchanges() {
  const path = shownVhost.value ? apiPath("exchanges", shownVhost.value) : "api/exchanges";
  const source = usePaged<ExchangeOf>(path, { id: "exchanges", addressed: true });
  const add = () => openDialog(t.addExchange, (close) => <AddExchange close={close} />);
  return (
    <div class="page fills">
      <Head title={t.exchanges}><Button icon="plus" look="primary" onClick={add}>{t.addExchange}</Button></Head>
      <Table id="exchanges" source={source} columns={columns()} fills rowKey={(row) => `${row.vhost}\n${row.name}`} link={(row) => link("exchanges", row.vhost, exchangeInPath(row.name))} />
    </div>
  );
}

function columns(): Column<ExchangeOf>[] {
  const moving = (name: string) => (row: ExchangeOf) => {
    const value = rateOf(row.message_stats, name);
    return value ? rate(value) : <span class="idle">–</span>;
  };
  return [
    { id: "name", title: t.exchange, sort: "name", min: 220, grow: 3, cell: (row) => <ExchangeLink vhost={row.vhost} name={row.name} /> },
    ...vhostColumn<ExchangeOf>(),
    { id: "type", title: t.type, sort: "type", min: 130, cell: (row) => row.type },
    { id: "features", title: t.features, min: 120, cell: (row) => <Features of={row} /> },
    { id: "policy", title: t.policy, sort: "policy", off: true, cell: (row) => row.policy ?? "" },
    { id: "in", title: t.incoming, sort: "message_stats.publish_in_details.rate", number: true, cell: moving("publish_in") },
    { id: "out", title: t.outgoing, sort: "message_stats.publish_out_details.rate", number: true, cell: moving("publish_out") },
  ];
}

const TYPES = ["direct", "fanout", "topic", "headers"];

function AddExchange({ close }: { close: () => void }) {
  const vhost = useSignal(shownVhost.peek() || vhosts.peek()[0] || "/");
  const name = useSignal("");
  const type = useSignal("direct");
  const durable = useSignal(true);
  const autoDelete = useSignal(false);
  const internal = useSignal(false);
  const args = useSignal<Pair[]>([]);
  const overview = useResource<{ exchange_types: { name: string }[] }>("api/overview?columns=exchange_types", 0).data.value;
  const types = overview?.exchange_types.map((one) => one.name) ?? TYPES;
  const ordered = [...TYPES, ...types.filter((one) => !TYPES.includes(one))];
  const submit = async () => {
    await put(apiPath("exchanges", vhost.value, name.value), {
      type: type.value, durable: durable.value, auto_delete: autoDelete.value, internal: internal.value, arguments: objectOf(args.value),
    });
    say(t.created(name.value));
    changed();
    close();
    go(link("exchanges", vhost.value, name.value));
  };
  return (
    <Form onSubmit={submit} button={common.create} onCancel={close}>
      <div class="pair">
        <TextField label={common.name} value={name} required mono />
        {vhosts.value.length > 1 && <SelectField label={t.vhost} value={vhost} options={vhosts.value.map((one) => [one, one])} />}
        <SelectField label={t.type} value={type} options={ordered.map((one) => [one, one])} />
      </div>
      <Check label={t.durable} hint={t.durableHint} value={durable} />
      <Check label={t.autoDelete} hint={t.autoDeleteExchangeHint} value={autoDelete} />
      <Check label={t.internal} hint={t.internalHint} value={internal} />
      <Pairs label={t.arguments} value={args} suggestions={[
        { key: "alternate-exchange", type: "string", title: t.alternate },
        ...(type.value === "x-delayed-message" ? [{ key: "x-delayed-type", type: "string" as const, value: "direct", title: t.delayed }] : []),
        ...(type.value === "x-consistent-hash" ? [{ key: "hash-header", type: "string" as const, title: t.hashHeader }] : []),
      ]} />
    </Form>
  );
}
