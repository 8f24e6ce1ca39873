/** One user: tags, password, rights, limits. */
import { useSignal } from "@preact/signals";
import { apiPath, del, put } from "../../lib/api";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, type Params } from "../../lib/router";
import { Button, Empty, Head } from "../../ui/bits";
import { askBefore, openDialog } from "../../ui/dialog";
import { Form, TextField } from "../../ui/form";
import { say } from "../../ui/toast";
import { LimitsCard } from "./limits";
import { Rights, TopicRights } from "./rights";
import { tagsOf, type Permission, type TopicPermission, type User } from "./shapes";
import { TagChoice, TagsOf } from "./users";
import { t } from "./words";
import { t as ui } from "../../ui/words";
import "./admin.css";

export function OneUser({ params }: { params: Params }) {
  const name = params["user"] ?? "";
  const { data, error } = useResource<User>(apiPath("users", name));
  const permissions = useResource<Permission[]>(apiPath("users", name, "permissions"));
  const topics = useResource<TopicPermission[]>(apiPath("users", name, "topic-permissions"));
  const user = data.value;
  if (error.value?.status === 404) return <Empty icon="users" title={ui.notFound} />;
  return (
    <div class="page">
      <Head crumbs={<a href="#/users">{t.users}</a>} title={name} sub={user && (tagsOf(user).length > 0 ? <TagsOf user={user} /> : t.noTags)}>
        {user && <Button onClick={() => openDialog(`${t.tags}: ${name}`, (close) => <Tags user={user} close={close} />)}>{t.tags}</Button>}
        {user && <Button onClick={() => openDialog(`${t.setPassword}: ${name}`, (close) => <Password user={user} close={close} />)}>{t.setPassword}</Button>}
        <Button icon="trash" look="danger" onClick={() => askBefore({
          title: `${t.deleteUser} ${name}`, text: <p>{t.deleteUserText}</p>, button: t.deleteUser, name,
          act: () => del(apiPath("users", name)), done: () => { changed(); go("#/users"); },
        })}>{t.delete}</Button>
      </Head>
      {permissions.data.value && <Rights rows={permissions.data.value} of={{ user: name }} />}
      <div class="grid">
        {topics.data.value && <TopicRights rows={topics.data.value} user={name} />}
        <LimitsCard of="user" name={name} />
      </div>
    </div>
  );
}

function Tags({ user, close }: { user: User; close: () => void }) {
  const tags = useSignal(tagsOf(user));
  const submit = async () => {
    // Who leaves the password out takes it away: what is kept of it is sent back.
    await put(apiPath("users", user.name), { tags: tags.value.join(","), ...(user.password_hash !== undefined && { password_hash: user.password_hash, hashing_algorithm: (user as { hashing_algorithm?: string }).hashing_algorithm }) });
    close();
    changed();
  };
  return <Form button={t.save} onCancel={close} onSubmit={submit}><TagChoice tags={tags} /></Form>;
}

function Password({ user, close }: { user: User; close: () => void }) {
  const password = useSignal("");
  const submit = async () => {
    await put(apiPath("users", user.name), { password: password.value, tags: tagsOf(user).join(",") });
    close();
    say(t.passwordSet);
  };
  return (
    <Form button={t.save} onCancel={close} onSubmit={submit} ready={password.value !== ""}>
      <TextField label={t.newPassword} value={password} type="password" autocomplete="new-password" required />
    </Form>
  );
}
