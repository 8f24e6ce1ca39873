/** Set where a group goes on reading: first what would change, then the change. */
import { useSignal } from "@preact/signals";
import { apiPath, post } from "../../lib/api";
import { count } from "../../lib/format";
import { changed } from "../../lib/live";
import { useLocal } from "../../lib/rows";
import { Form, SelectField, TextField } from "../../ui/form";
import { Table } from "../../ui/table";
import { say } from "../../ui/toast";
import type { GroupOf } from "./things";
import { t } from "./words";

type Way = "earliest" | "latest" | "shift" | "timestamp" | "offset";

interface Change {
  topic: string;
  partition: number;
  from: number | null;
  to: number;
  lag: number;
}

export function ResetOffsets({ group, close, done }: { group: GroupOf; close: () => void; done: () => Promise<void> }) {
  const way = useSignal<Way>("earliest");
  const number = useSignal("0");
  const time = useSignal("");
  const topic = useSignal("");
  const seen = useSignal<{ wish: string; changes: Change[] } | null>(null);
  const wish = () => ({
    to: way.value === "shift" ? { shift: Number(number.value) } : way.value === "offset" ? { offset: Number(number.value) }
      : way.value === "timestamp" ? { timestamp: new Date(time.value).getTime() } : way.value,
    ...(topic.value && { topics: [topic.value] }),
  });
  const previewed = seen.value !== null && seen.value.wish === JSON.stringify(wish());
  const submit = async () => {
    const said = wish();
    const answer = await post<{ partitions: Change[] }>(apiPath("groups", group.name, "offsets"), { ...said, dry_run: !previewed });
    if (!previewed) {
      seen.value = { wish: JSON.stringify(said), changes: answer.partitions };
      return;
    }
    say(t.applied);
    close();
    changed();
    await done();
  };
  const source = useLocal(previewed ? seen.value?.changes : undefined, { id: "offsets", name: (row) => row.topic });
  return (
    <Form onSubmit={submit} button={previewed ? t.apply : t.preview} look={previewed ? "danger solid" : "primary"} onCancel={close}>
      <div class="pair">
        <SelectField label={t.to} value={way} options={[["earliest", t.earliest], ["latest", t.latest], ["shift", t.shift], ["timestamp", t.timestamp], ["offset", t.offset]]} />
        {(way.value === "shift" || way.value === "offset") && <TextField label={way.value === "shift" ? t.by : t.atOffset} value={number} type="number" required />}
        {way.value === "timestamp" && <TextField label={t.at} value={time} type="datetime-local" required />}
        <SelectField label={t.onlyTopic} value={topic} options={[["", t.allTopics], ...group.topics.map((one): [string, string] => [one, one])]} />
      </div>
      {previewed ? (
        <Table id="offsets" plain source={source} height={260} rowKey={(row) => `${row.topic} ${row.partition}`} columns={[
          { id: "topic", title: t.topic, sort: "topic", min: 140, grow: 2, cell: (row) => row.topic },
          { id: "partition", title: t.partition, sort: "partition", number: true, min: 80, cell: (row) => row.partition },
          { id: "from", title: t.from, number: true, cell: (row) => count(row.from) },
          { id: "to", title: t.to, number: true, cell: (row) => <b>{count(row.to)}</b> },
          { id: "lag", title: t.newLag, number: true, cell: (row) => count(row.lag) },
        ]} />
      ) : <p class="muted">{t.dryRun}</p>}
    </Form>
  );
}
