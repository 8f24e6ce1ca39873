/** Who changed what, and from where: the newest first. */
import { when } from "../../lib/format";
import { usePaged } from "../../lib/rows";
import { Empty, Head, Protocol, Tag } from "../../ui/bits";
import { Table, type Column } from "../../ui/table";
import { t } from "./words";
import "./admin.css";

interface Entry {
  timestamp: number;
  user: string; // empty: the broker itself
  address: string;
  protocol: string;
  action: string;
  kind: string;
  name: string;
  outcome?: string;
}

const TONES: Record<string, string> = { created: "good", changed: "accent", deleted: "bad" };

export function Audit() {
  const source = usePaged<Entry>("api/audit", { id: "audit", addressed: true });
  const columns: Column<Entry>[] = [
    { id: "time", title: t.time, sort: "timestamp", min: 185, cell: (one) => <span class="muted">{when(one.timestamp)}</span> },
    { id: "user", title: t.who, sort: "user", min: 110, cell: (one) => <strong>{one.user || "–"}</strong> },
    { id: "action", title: t.what, sort: "action", min: 100, cell: (one) => <Tag tone={TONES[one.action] ?? ""}>{one.action}</Tag> },
    { id: "kind", title: t.kind, sort: "kind", min: 120, cell: (one) => one.kind },
    { id: "name", title: t.name, sort: "name", min: 240, grow: 4, cell: (one) => <code>{one.name}</code> },
    { id: "address", title: t.from, sort: "address", min: 130, cell: (one) => <span class="muted">{one.address}</span> },
    { id: "protocol", title: t.protocol, sort: "protocol", min: 90, cell: (one) => one.protocol && <Protocol name={one.protocol} /> },
    { id: "outcome", title: t.outcome, sort: "outcome", min: 100, cell: (one) => one.outcome && <Tag tone={/^(2|ok|right)/.test(one.outcome) ? "good" : "bad"}>{one.outcome}</Tag> },
  ];
  const missing = source.error.value?.status === 404;
  return (
    <div class="page fills">
      <Head title={t.audit} sub={t.auditAbout} />
      {missing ? <div class="note">{t.notHere}</div> : (
        <Table id="audit" source={source} columns={columns} rowKey={(one) => `${one.timestamp} ${one.action} ${one.kind} ${one.name}`} fills
          empty={<Empty icon="audit" title={t.noAudit} />} />
      )}
    </div>
  );
}
