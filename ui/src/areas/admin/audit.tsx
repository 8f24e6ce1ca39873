/** Who changed what. */
import { useSignal } from "@preact/signals";
import { count, when } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { withQuery } from "../../lib/api";
import { Button, Card, Empty, Head, Tag } from "../../ui/bits";
import { t } from "./words";
import "./admin.css";

/** A line of the log; names that this page does not know are shown as they are. */
type Entry = Record<string, unknown>;

const KNOWN = ["time", "at", "user", "action", "object", "from", "host", "outcome", "status"];
const PAGE = 100;

export function Audit() {
  const text = useSignal("");
  const size = useSignal(PAGE);
  const { data, error } = useResource<Entry[] | { entries?: Entry[]; items?: Entry[] }>(withQuery("api/audit", { count: size.value }), 5000);
  const said = data.value;
  const all = Array.isArray(said) ? said : (said?.entries ?? said?.items ?? []);
  const wanted = text.value.toLowerCase();
  const shown = wanted ? all.filter((one) => JSON.stringify(one).toLowerCase().includes(wanted)) : all;
  return (
    <div class="page">
      <Head title={t.audit} sub={t.auditAbout}>
        <input class="input audit-filter" type="search" placeholder={t.filter} aria-label={t.filter} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
      </Head>
      {error.value?.status === 404 ? <div class="note">{t.notHere}</div> : error.value && <div class="problem">{error.value.reason}</div>}
      {said && (
        <Card flush>
          {shown.length === 0 ? <Empty icon="audit" title={t.noAudit} /> : (
            <div class="scroll-x">
              <table class="plain-table">
                <thead><tr><th>{t.time}</th><th>{t.who}</th><th>{t.what}</th><th>{t.from}</th><th>{t.outcome}</th></tr></thead>
                <tbody>{shown.map((one, i) => <Line key={i} entry={one} />)}</tbody>
              </table>
            </div>
          )}
        </Card>
      )}
      {all.length >= size.value && <div><Button onClick={() => (size.value += PAGE)}>+ {count(PAGE)}</Button></div>}
    </div>
  );
}

function Line({ entry }: { entry: Entry }) {
  const time = entry["time"] ?? entry["at"];
  const rest = Object.entries(entry).filter(([name, value]) => !KNOWN.includes(name) && value !== null && value !== "");
  const outcome = String(entry["outcome"] ?? entry["status"] ?? "");
  return (
    <tr>
      <td class="nowrap muted">{typeof time === "number" ? when(time) : typeof time === "string" ? when(Date.parse(time)) : ""}</td>
      <td><strong>{text(entry["user"])}</strong></td>
      <td><code>{text(entry["action"])} {text(entry["object"])}</code> <span class="faint">{rest.map(([name, value]) => `${name}=${text(value)}`).join(" ")}</span></td>
      <td class="muted">{text(entry["from"] ?? entry["host"])}</td>
      <td>{outcome && <Tag tone={/^(2|ok|done|success)/i.test(outcome) ? "good" : "bad"}>{outcome}</Tag>}</td>
    </tr>
  );
}

function text(value: unknown): string {
  return value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
}
