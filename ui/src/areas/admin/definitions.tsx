/** Definitions: out as a file, in from one, with a look at what is in it first. */
import { useSignal } from "@preact/signals";
import { apiPath, get, post } from "../../lib/api";
import { bytes, count } from "../../lib/format";
import { changed } from "../../lib/live";
import { vhosts } from "../../lib/session";
import { Card, Head, Tag } from "../../ui/bits";
import { Form, SelectField } from "../../ui/form";
import { complain, say } from "../../ui/toast";
import { t } from "./words";
import "./admin.css";

const PARTS = ["users", "vhosts", "permissions", "topic_permissions", "parameters", "global_parameters", "policies", "queues", "exchanges", "bindings"] as const;
const WHOLE = "*";

type Document = Record<string, unknown>;

const pathOf = (vhost: string): string => (vhost === WHOLE ? "api/definitions" : apiPath("definitions", vhost));

function choices(): [string, string][] {
  return [[WHOLE, t.whole], ...vhosts.value.map((name): [string, string] => [name, name])];
}

export function Definitions() {
  return (
    <div class="page">
      <Head title={t.definitions} sub={t.definitionsAbout} />
      <div class="grid">
        <Export />
        <Import />
      </div>
    </div>
  );
}

function Export() {
  const vhost = useSignal(WHOLE);
  const download = async () => {
    const document_ = await get<Document>(pathOf(vhost.value));
    const day = new Date().toISOString().slice(0, 10);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 2)], { type: "application/json" }));
    link.download = `definitions-${vhost.value === WHOLE ? "" : `${vhost.value.replace(/[^\w.-]+/g, "_")}-`}${day}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <Card title={t.export}>
      <Form button={t.download} onSubmit={download}>
        <p class="muted">{t.exportHint}</p>
        <SelectField label={t.vhost} value={vhost} options={choices()} />
      </Form>
    </Card>
  );
}

interface Chosen {
  name: string;
  size: number;
  said: Document;
}

function Import() {
  const chosen = useSignal<Chosen | undefined>(undefined);
  const vhost = useSignal(WHOLE);
  const over = useSignal(false);
  const leftOut = useSignal<Record<string, number>>({});
  const take = async (file: File | undefined) => {
    if (!file) return;
    leftOut.value = {};
    const text = await file.text();
    try {
      const said: unknown = JSON.parse(text);
      if (typeof said !== "object" || said === null || !PARTS.some((part) => part in said)) throw new Error(t.notJson);
      chosen.value = { name: file.name, size: file.size, said: said as Document };
    } catch {
      complain(new Error(t.notJson));
    }
  };
  const submit = async () => {
    const answer = await post<{ not_imported?: Record<string, number> } | undefined>(pathOf(vhost.value), chosen.value?.said);
    leftOut.value = answer?.not_imported ?? {};
    say(t.importedFrom(chosen.value?.name ?? ""));
    chosen.value = undefined;
    changed();
  };
  return (
    <Card title={t.import}>
      <div class={`drop ${over.value ? "over" : ""}`}
        onDragOver={(event) => { event.preventDefault(); over.value = true; }}
        onDragLeave={() => (over.value = false)}
        onDrop={(event) => { event.preventDefault(); over.value = false; void take(event.dataTransfer?.files[0]); }}>
        <label class="button">
          {t.chooseFile}
          <input type="file" accept=".json,application/json" class="seen-by-readers" onChange={(event) => { void take(event.currentTarget.files?.[0]); event.currentTarget.value = ""; }} />
        </label>
        <span class="muted">{t.dropFile}</span>
      </div>
      <p class="muted gap-above">{t.importHint}</p>
      {chosen.value && (
        <Form button={t.importNow} onSubmit={submit} onCancel={() => (chosen.value = undefined)}>
          <h3>{chosen.value.name} <span class="faint">{bytes(chosen.value.size)}</span></h3>
          <InFile said={chosen.value.said} />
          <SelectField label={t.into} value={vhost} options={choices()} />
        </Form>
      )}
      {Object.keys(leftOut.value).length > 0 && (
        <div class="note gap-above">{t.leftOut}: {Object.entries(leftOut.value).map(([part, n]) => `${partText(part)} ${count(n)}`).join(", ")}</div>
      )}
    </Card>
  );
}

function partText(part: string): string {
  return (PARTS as readonly string[]).includes(part) ? t[`d_${part as (typeof PARTS)[number]}`] : part;
}

function InFile({ said }: { said: Document }) {
  return (
    <div class="row wrap">
      {PARTS.map((part) => {
        const rows = said[part];
        return Array.isArray(rows) && rows.length > 0 && <Tag key={part} tone="accent">{partText(part)} {count(rows.length)}</Tag>;
      })}
    </div>
  );
}
