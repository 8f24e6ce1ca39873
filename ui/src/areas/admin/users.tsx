/** Users: who there is, with what tags, in which virtual hosts. */
import { useSignal, type Signal } from "@preact/signals";
import { apiPath, put } from "../../lib/api";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { vhosts } from "../../lib/session";
import { Button, Empty, Head, Tag } from "../../ui/bits";
import { openDialog } from "../../ui/dialog";
import { Check, Form, TextField } from "../../ui/form";
import { Table, type Column } from "../../ui/table";
import { say } from "../../ui/toast";
import { tagsOf, type Permission, type User } from "./shapes";
import { t } from "./words";
import "./admin.css";

export const TAGS = ["administrator", "monitoring", "policymaker", "management"] as const;
const TONES: Record<string, string> = { administrator: "warn", monitoring: "good", policymaker: "accent", management: "accent" };

export function TagsOf({ user }: { user: Pick<User, "tags"> }) {
  const tags = tagsOf(user);
  if (tags.length === 0) return <span class="faint">–</span>;
  return <span class="row">{tags.map((tag) => <Tag key={tag} tone={TONES[tag] ?? ""}>{tag}</Tag>)}</span>;
}

export function Users() {
  const users = useResource<User[]>("api/users");
  const permissions = useResource<Permission[]>("api/permissions");
  const source = useLocal(users.data.value, { id: "users", sort: { by: "name", reverse: false }, addressed: true, error: users.error.value });
  const places = (name: string) => (permissions.data.value ?? []).filter((one) => one.user === name);
  const columns: Column<User>[] = [
    { id: "name", title: t.name, sort: "name", min: 180, grow: 1.5, cell: (user) => <a class="name" href={link("users", user.name)}>{user.name}</a> },
    { id: "tags", title: t.tags, min: 240, grow: 2, cell: (user) => <TagsOf user={user} /> },
    { id: "access", title: t.access, min: 200, grow: 3, cell: (user) => <Access places={places(user.name)} /> },
    { id: "limits", title: t.limits, min: 180, grow: 1.5, cell: (user) => <Limits of={user.limits} /> },
  ];
  return (
    <div class="page fills">
      <Head title={t.users} sub={t.usersAbout}><Button icon="plus" look="primary" onClick={addUser}>{t.addUser}</Button></Head>
      <Table id="users" source={source} columns={columns} rowKey={(user) => user.name} link={(user) => link("users", user.name)} fills empty={<Empty icon="users" />} />
    </div>
  );
}

const SHOWN_MAX = 4;

function Access({ places }: { places: Permission[] }) {
  if (places.length === 0) return <span class="faint">{t.noAccess}</span>;
  return (
    <span class="row">
      {places.slice(0, SHOWN_MAX).map((one) => <Tag key={one.vhost} title={`${t.configure} ${one.configure} · ${t.write} ${one.write} · ${t.read} ${one.read}`}><code>{one.vhost}</code></Tag>)}
      {places.length > SHOWN_MAX && <span class="faint">+{places.length - SHOWN_MAX}</span>}
    </span>
  );
}

export function limitText(name: string): string {
  const known: Record<string, string> = { "max-connections": t.l_max_connections, "max-channels": t.l_max_channels, "max-queues": t.l_max_queues };
  return known[name] ?? name;
}

export function Limits({ of }: { of: Record<string, number> | undefined }) {
  const all = Object.entries(of ?? {});
  if (all.length === 0) return <span class="faint">–</span>;
  return <span class="row">{all.map(([name, value]) => <Tag key={name}>{limitText(name)} ≤ {value}</Tag>)}</span>;
}

function addUser(): void {
  openDialog(t.addUser, (close) => <AddUser close={close} />);
}

function AddUser({ close }: { close: () => void }) {
  const name = useSignal("");
  const password = useSignal("");
  const tags = useSignal<string[]>(["management"]);
  const vhost = vhosts.value.includes("/") ? "/" : (vhosts.value[0] ?? "/");
  const full = useSignal(false);
  const submit = async () => {
    await put(apiPath("users", name.value), { ...(password.value ? { password: password.value } : { password_hash: "" }), tags: tags.value.join(",") });
    if (full.value) await put(apiPath("permissions", vhost, name.value), { configure: ".*", write: ".*", read: ".*" });
    close();
    say(t.created(name.value));
    changed();
    go(link("users", name.value));
  };
  return (
    <Form button={t.add} onCancel={close} onSubmit={submit} ready={name.value !== ""}>
      <div class="pair">
        <TextField label={t.name} value={name} required />
        <TextField label={t.password} value={password} type="password" autocomplete="new-password" hint={password.value ? undefined : t.noPassword} />
      </div>
      <TagChoice tags={tags} />
      <Check label={t.fullAccess(vhost)} value={full} />
    </Form>
  );
}

export function TagChoice({ tags }: { tags: Signal<string[]> }) {
  const set = (tag: string, on: boolean) => {
    tags.value = on ? [...tags.value, tag] : tags.value.filter((one) => one !== tag);
  };
  const others = tags.value.filter((tag) => !(TAGS as readonly string[]).includes(tag)).join(", ");
  const setOthers = (text: string) => {
    const said = text.split(",").map((one) => one.trim()).filter(Boolean);
    tags.value = [...tags.value.filter((tag) => (TAGS as readonly string[]).includes(tag)), ...said];
  };
  return (
    <fieldset>
      <legend>{t.tags}</legend>
      {TAGS.map((tag) => (
        <label class="check" key={tag}>
          <input type="checkbox" checked={tags.value.includes(tag)} onChange={(event) => set(tag, event.currentTarget.checked)} />
          <span>{tag}<small>{t[`tag_${tag}`]}</small></span>
        </label>
      ))}
      <input class="input" placeholder={`${t.otherTags} (${t.otherTagsHint})`} aria-label={t.otherTags} value={others} onChange={(event) => setOthers(event.currentTarget.value)} />
      {tags.value.length === 0 && <small class="muted">{t.noTags}</small>}
    </fieldset>
  );
}
