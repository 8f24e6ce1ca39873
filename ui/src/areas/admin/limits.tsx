/** Limits of users and virtual hosts. */
import { useSignal } from "@preact/signals";
import { apiPath, del, put } from "../../lib/api";
import { count } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { link } from "../../lib/router";
import { isAdministrator } from "../../lib/session";
import { Button, Card, Facts, Head } from "../../ui/bits";
import { openDialog } from "../../ui/dialog";
import { Form, TextField } from "../../ui/form";
import { Limits, limitText } from "./users";
import { t } from "./words";
import "./admin.css";

type Kind = "user" | "vhost";
const NAMES: Record<Kind, string[]> = { user: ["max-connections", "max-channels"], vhost: ["max-connections", "max-queues"] };

interface Row {
  user?: string;
  vhost?: string;
  value: Record<string, number>;
}

export function LimitsCard({ of, name }: { of: Kind; name: string }) {
  const { data, error, refresh } = useResource<Row[]>(apiPath(`${of}-limits`, name));
  const said = data.value?.[0]?.value ?? {};
  const open = () => openDialog(`${t.limits}: ${name}`, (close) => <SetLimits of={of} name={name} said={said} close={close} done={() => void refresh()} />);
  return (
    <Card title={t.limits} actions={isAdministrator.value && !error.value && <Button look="small" onClick={open}>{t.change}</Button>}>
      {error.value ? <span class="muted">{t.notHere}</span> : (
        <Facts of={NAMES[of].map((limit) => [limitText(limit), said[limit] === undefined || said[limit] < 0 ? <span class="faint">{t.unlimited}</span> : <>≤ {count(said[limit])}</>])} />
      )}
    </Card>
  );
}

function SetLimits(props: { of: Kind; name: string; said: Record<string, number>; close: () => void; done: () => void }) {
  const { of, name, said } = props;
  const first = useSignal(String(said[NAMES[of][0]!] ?? ""));
  const second = useSignal(String(said[NAMES[of][1]!] ?? ""));
  const values = [first, second];
  const submit = async () => {
    for (const [i, limit] of NAMES[of].entries()) {
      const text = values[i]!.value.trim();
      if (text !== "") await put(apiPath(`${of}-limits`, name, limit), { value: Number(text) });
      else if (said[limit] !== undefined) await del(apiPath(`${of}-limits`, name, limit));
    }
    props.close();
    changed();
    props.done();
  };
  return (
    <Form button={t.save} onCancel={props.close} onSubmit={submit}>
      <div class="pair">
        {NAMES[of].map((limit, i) => <TextField key={limit} label={limitText(limit)} value={values[i]!} type="number" hint={t.limitHint} />)}
      </div>
    </Form>
  );
}

/** All limits that somebody set, in one place. */
export function LimitsPage() {
  const ofVhosts = useResource<Row[]>("api/vhost-limits");
  const ofUsers = useResource<Row[]>("api/user-limits");
  return (
    <div class="page">
      <Head title={t.limitsTitle} sub={t.limitsAbout} />
      <div class="grid">
        <Listed title={t.ofVhosts} rows={ofVhosts.data.value} missing={ofVhosts.error.value?.status === 404} of="vhost" />
        <Listed title={t.ofUsers} rows={ofUsers.data.value} missing={ofUsers.error.value?.status === 404} of="user" />
      </div>
    </div>
  );
}

function Listed({ title, rows, missing, of }: { title: string; rows: Row[] | undefined; missing: boolean; of: Kind }) {
  const name = useSignal("");
  const open = (who: string, said: Record<string, number>) => openDialog(`${t.limits}: ${who}`, (close) => <SetLimits of={of} name={who} said={said} close={close} done={() => (name.value = "")} />);
  if (missing) return <Card title={title}><span class="muted">{t.notHere}</span></Card>;
  return (
    <Card title={title} flush>
      {rows?.length === 0 && <p class="pad muted">{t.noLimits}</p>}
      {rows && rows.length > 0 && (
        <table class="plain-table">
          <tbody>
            {rows.map((row) => {
              const who = row[of] ?? "";
              return (
                <tr key={who}>
                  <td><a class="name" href={link(`${of}s`, who)}>{who}</a></td>
                  <td><Limits of={row.value} /></td>
                  <td class="right"><Button look="quiet small" onClick={() => open(who, row.value)}>{t.change}</Button></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {isAdministrator.value && (
        <form class="pad row" onSubmit={(event) => {
          event.preventDefault();
          if (name.value) open(name.value, rows?.find((row) => row[of] === name.value)?.value ?? {});
        }}>
          <input class="input" placeholder={of === "user" ? t.user : t.vhost} aria-label={of === "user" ? t.user : t.vhost} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          <Button type="submit" disabled={name.value === ""}>{t.setLimit}</Button>
        </form>
      )}
    </Card>
  );
}
