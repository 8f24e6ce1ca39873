/** Virtual hosts, and one of them. */
import { useSignal } from "@preact/signals";
import { apiPath, del, post, put } from "../../lib/api";
import { count, rate } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link, linkWith, type Params } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { vhost as chosenVhost, vhosts as known } from "../../lib/session";
import { Button, Card, Empty, Facts, Figures, Head, Tag } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { Check, Form, SelectField, TextField } from "../../ui/form";
import { Table, type Column } from "../../ui/table";
import { complain, say } from "../../ui/toast";
import { LimitsCard } from "./limits";
import { Rights } from "./rights";
import type { Permission, Vhost } from "./shapes";
import { t } from "./words";
import { t as ui } from "../../ui/words";
import "./admin.css";

const TYPES: [string, string][] = [["classic", "classic"], ["quorum", "quorum"], ["stream", "stream"]];

export function Vhosts() {
  const { data, error } = useResource<Vhost[]>("api/vhosts");
  const source = useLocal(data.value, { id: "vhosts", sort: { by: "name", reverse: false }, addressed: true, error: error.value });
  const columns: Column<Vhost>[] = [
    { id: "name", title: t.name, sort: "name", min: 160, grow: 1.5, cell: (one) => <a class="name" href={link("vhosts", one.name)}>{one.name}</a> },
    { id: "description", title: t.description, min: 200, grow: 2.5, cell: (one) => <span class="muted">{one.description}</span> },
    { id: "tags", title: t.tags, min: 120, cell: (one) => <Marks of={one} /> },
    { id: "ready", title: t.ready, sort: "messages_ready", number: true, cell: (one) => count(one.messages_ready) },
    { id: "unacked", title: t.unacked, sort: "messages_unacknowledged", number: true, cell: (one) => <span class={one.messages_unacknowledged ? "" : "idle"}>{count(one.messages_unacknowledged)}</span> },
    { id: "in", title: t.incoming, sort: "message_stats.publish_details.rate", number: true, cell: (one) => rate(one.message_stats?.publish_details?.rate) },
    { id: "out", title: t.outgoing, sort: "message_stats.deliver_get_details.rate", number: true, cell: (one) => rate(one.message_stats?.deliver_get_details?.rate) },
  ];
  return (
    <div class="page fills">
      <Head title={t.vhosts} sub={t.vhostsAbout}><Button icon="plus" look="primary" onClick={() => openDialog(t.addVhost, (close) => <Edit close={close} />)}>{t.addVhost}</Button></Head>
      <Table id="vhosts" source={source} columns={columns} rowKey={(one) => one.name} link={(one) => link("vhosts", one.name)} fills />
    </div>
  );
}

function Marks({ of }: { of: Vhost }) {
  return (
    <span class="row">
      {of.protected_from_deletion && <Tag tone="accent">{t.protectedShort}</Tag>}
      {(of.tags ?? []).map((tag) => <Tag key={tag}>{tag}</Tag>)}
    </span>
  );
}

function Edit({ of, close }: { of?: Vhost; close: () => void }) {
  const name = useSignal(of?.name ?? "");
  const description = useSignal(of?.description ?? "");
  const tags = useSignal((of?.tags ?? []).join(", "));
  const type = useSignal(of?.default_queue_type && of.default_queue_type !== "undefined" ? of.default_queue_type : "classic");
  const isProtected = useSignal(of?.protected_from_deletion ?? false);
  const submit = async () => {
    await put(apiPath("vhosts", name.value), {
      description: description.value, tags: tags.value, default_queue_type: type.value, protected_from_deletion: isProtected.value,
    });
    close();
    changed();
    if (of) return say(t.saved);
    known.value = [...new Set([...known.value, name.value])].sort();
    go(link("vhosts", name.value));
  };
  return (
    <Form button={of ? t.save : t.add} onCancel={close} onSubmit={submit} ready={name.value !== ""}>
      {!of && <TextField label={t.name} value={name} required />}
      <TextField label={t.description} value={description} />
      <div class="pair">
        <SelectField label={t.queueType} value={type} options={TYPES} />
        <TextField label={t.tags} value={tags} hint={t.otherTagsHint} />
      </div>
      <Check label={t.protected} value={isProtected} />
    </Form>
  );
}

export function OneVhost({ params }: { params: Params }) {
  const name = params["vhost"] ?? "";
  const { data, error, refresh } = useResource<Vhost>(apiPath("vhosts", name));
  const permissions = useResource<Permission[]>(apiPath("vhosts", name, "permissions"));
  const one = data.value;
  if (error.value?.status === 404) return <Empty icon="vhosts" title={ui.notFound} />;
  return (
    <div class="page">
      <Head crumbs={<a href="#/vhosts">{t.vhosts}</a>} title={name} sub={one && <>{one.description} <Marks of={one} /></>}>
        <a class="button" href="#/queues" onClick={() => (chosenVhost.value = name)}>{t.openQueues}</a>
        {one && <Button onClick={() => openDialog(`${t.change}: ${name}`, (close) => <Edit of={one} close={close} />)}>{t.change}</Button>}
        {one && <Button icon="trash" look="danger" disabled={one.protected_from_deletion ?? false} onClick={() => remove(name)}>{t.delete}</Button>}
      </Head>
      {one && (
        <Figures of={[
          { what: t.ready, value: count(one.messages_ready ?? 0), tone: "--series-1" },
          { what: t.unacked, value: count(one.messages_unacknowledged ?? 0), tone: "--series-2" },
          { what: t.incoming, value: rate(one.message_stats?.publish_details?.rate) },
          { what: t.outgoing, value: rate(one.message_stats?.deliver_get_details?.rate) },
        ]} />
      )}
      {permissions.data.value && <Rights rows={permissions.data.value} of={{ vhost: name }} />}
      <div class="grid">
        <LimitsCard of="vhost" name={name} />
        {one && (
          <Card title={t.vhost}>
            <Facts of={[
              [t.queueType, one.default_queue_type && one.default_queue_type !== "undefined" ? one.default_queue_type : t.asBroker],
              [t.protected, <Switch on={one.protected_from_deletion ?? false} label={one.protected_from_deletion ? t.unprotect : t.protect} act={() => protect(name, !one.protected_from_deletion)} done={refresh} />],
              [t.firehose, <>{one.tracing ? t.on : t.off} <a href={linkWith({ vhost: name }, "trace")}>→</a></>],
            ]} />
          </Card>
        )}
      </div>
    </div>
  );
}

function Switch({ on, label, act, done }: { on: boolean; label: string; act: () => Promise<unknown>; done: () => Promise<void> }) {
  return <span class="row">{on ? t.on : t.off}<Button look="small" onClick={() => void act().then(done, complain)}>{label}</Button></span>;
}

function protect(name: string, on: boolean): Promise<unknown> {
  const path = apiPath("vhosts", name, "deletion", "protection");
  return on ? post(path) : del(path);
}

function remove(name: string): void {
  askBefore({
    title: `${t.deleteVhost} ${name}`, text: <p>{t.deleteVhostText}</p>, button: t.deleteVhost, name,
    act: () => del(apiPath("vhosts", name)),
    done: () => {
      known.value = known.value.filter((one) => one !== name);
      if (chosenVhost.value === name) chosenVhost.value = "";
      changed();
      go("#/vhosts");
    },
  });
}
