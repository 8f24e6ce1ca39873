/** Rights: the three patterns, who has them where, and what they come to for a name. */
import { useSignal } from "@preact/signals";
import { apiPath, del, put } from "../../lib/api";
import { changed } from "../../lib/live";
import { link } from "../../lib/router";
import { vhosts } from "../../lib/session";
import { Button, Card, Tag } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { Field, Form, SelectField, TextField } from "../../ui/form";
import { allows, type Permission, type TopicPermission } from "./shapes";
import { t } from "./words";

const KINDS = ["configure", "write", "read"] as const;

/** One table for both sides: the virtual hosts of a user, the users of a virtual host. */
export function Rights({ rows, of }: { rows: Permission[]; of: { user: string } | { vhost: string } }) {
  const ofUser = "user" in of;
  const tried = useSignal("");
  const add = () => setRights({ user: ofUser ? of.user : "", vhost: ofUser ? (vhosts.value[0] ?? "/") : of.vhost, configure: "", write: "", read: "" }, ofUser ? "vhost" : "user");
  return (
    <Card title={ofUser ? t.rights : t.usersHere} flush actions={<Button look="small" icon="plus" onClick={add}>{t.setRights}</Button>}>
      {rows.length === 0 ? <p class="pad muted">{t.noRights}</p> : (
        <div class="scroll-x">
          <table class="plain-table">
            <thead>
              <tr>
                <th>{ofUser ? t.vhost : t.user}</th>
                <th>{t.configure} <small>{t.configureHint}</small></th>
                <th>{t.write} <small>{t.writeHint}</small></th>
                <th>{t.read} <small>{t.readHint}</small></th>
                <th />
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.vhost} ${row.user}`}>
                  <td><a class="name" href={ofUser ? link("vhosts", row.vhost) : link("users", row.user)}>{ofUser ? row.vhost : row.user}</a></td>
                  {KINDS.map((kind) => <td key={kind}><Pattern pattern={row[kind]} tried={tried.value} /></td>)}
                  <td class="right nowrap">
                    <Button look="quiet small" onClick={() => setRights(row)}>{t.change}</Button>
                    <Button look="quiet small" icon="trash" aria-label={t.removeRights} title={t.removeRights} onClick={() => removeRights(row)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > 0 && (
        <div class="pad row wrap try">
          <input class="input mono" placeholder={t.tryName} aria-label={t.tryName} spellcheck={false} value={tried.value} onInput={(event) => (tried.value = event.currentTarget.value)} />
          <span class="muted">{t.tryHint}</span>
        </div>
      )}
    </Card>
  );
}

function Pattern({ pattern, tried }: { pattern: string; tried: string }) {
  const said = tried === "" ? undefined : allows(pattern, tried);
  return (
    <span class="row">
      {pattern === "" ? <span class="faint">{t.nothingAt}</span> : <code>{pattern}</code>}
      {said !== undefined && <Tag tone={said ? "good" : "bad"}>{said ? t.may : t.mayNot}</Tag>}
    </span>
  );
}

function removeRights(row: Permission): void {
  askBefore({
    title: `${t.removeRights}: ${row.user}, ${row.vhost}`, text: null, button: t.removeRights,
    act: () => del(apiPath("permissions", row.vhost, row.user)), done: changed,
  });
}

function setRights(row: Permission, choose?: "vhost" | "user"): void {
  openDialog(`${t.setRights}${choose === "user" || !row.user ? "" : `: ${row.user}`}`, (close) => <SetRights row={row} choose={choose} close={close} />);
}

function SetRights({ row, choose, close }: { row: Permission; choose: "vhost" | "user" | undefined; close: () => void }) {
  const user = useSignal(row.user);
  const vhost = useSignal(row.vhost);
  const values = { configure: useSignal(row.configure), write: useSignal(row.write), read: useSignal(row.read) };
  const preset = (configure: string, write: string, read: string) => {
    values.configure.value = configure;
    values.write.value = write;
    values.read.value = read;
  };
  const submit = async () => {
    await put(apiPath("permissions", vhost.value, user.value), { configure: values.configure.value, write: values.write.value, read: values.read.value });
    close();
    changed();
  };
  return (
    <Form button={t.save} onCancel={close} onSubmit={submit} ready={user.value !== ""}>
      {choose === "vhost" && <SelectField label={t.vhost} value={vhost} options={vhosts.value.map((name) => [name, name])} />}
      {choose === "user" && <TextField label={t.user} value={user} required />}
      <p class="muted">{t.rightsHint}</p>
      <div class="chips">
        <button type="button" onClick={() => preset(".*", ".*", ".*")}>{t.everything}</button>
        <button type="button" onClick={() => preset("", "", ".*")}>{t.onlyRead}</button>
        <button type="button" onClick={() => preset("", "", "")}>{t.nothingAt}</button>
      </div>
      {KINDS.map((kind) => (
        <Field key={kind} label={<>{t[kind]} <span class="faint">{t[`${kind}Hint`]}</span></>}>
          <input class="input mono" spellcheck={false} placeholder={t.nothingAt} value={values[kind].value} onInput={(event) => (values[kind].value = event.currentTarget.value)} />
        </Field>
      ))}
    </Form>
  );
}

export function TopicRights({ rows, user }: { rows: TopicPermission[]; user: string }) {
  const add = () => openDialog(t.topicRights, (close) => <SetTopicRights row={{ user, vhost: vhosts.value[0] ?? "/", exchange: "amq.topic", write: ".*", read: ".*" }} close={close} />);
  return (
    <Card title={t.topicRights} flush actions={<Button look="small" icon="plus" onClick={add}>{t.add}</Button>}>
      {rows.length === 0 ? <p class="pad muted">{t.noTopicRights}</p> : (
        <table class="plain-table">
          <thead><tr><th>{t.vhost}</th><th>{t.exchange}</th><th>{t.write}</th><th>{t.read}</th><th /></tr></thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.vhost} ${row.exchange}`}>
                <td>{row.vhost}</td><td><code>{row.exchange}</code></td><td><code>{row.write}</code></td><td><code>{row.read}</code></td>
                <td class="right nowrap">
                  <Button look="quiet small" onClick={() => openDialog(t.topicRights, (close) => <SetTopicRights row={row} close={close} />)}>{t.change}</Button>
                  <Button look="quiet small" icon="trash" aria-label={t.delete} onClick={() => askBefore({
                    title: `${t.delete}: ${row.exchange}`, text: null, button: t.delete, act: () => del(apiPath("topic-permissions", row.vhost, user, row.exchange)), done: changed,
                  })} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function SetTopicRights({ row, close }: { row: TopicPermission; close: () => void }) {
  const vhost = useSignal(row.vhost);
  const exchange = useSignal(row.exchange);
  const write = useSignal(row.write);
  const read = useSignal(row.read);
  const submit = async () => {
    await put(apiPath("topic-permissions", vhost.value, row.user), { exchange: exchange.value, write: write.value, read: read.value });
    close();
    changed();
  };
  return (
    <Form button={t.save} onCancel={close} onSubmit={submit}>
      <p class="muted">{t.topicRightsHint}</p>
      <SelectField label={t.vhost} value={vhost} options={vhosts.value.map((name) => [name, name])} />
      <TextField label={t.exchange} value={exchange} mono required />
      <div class="pair">
        <TextField label={t.write} value={write} mono />
        <TextField label={t.read} value={read} mono />
      </div>
    </Form>
  );
}
