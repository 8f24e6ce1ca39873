import { count, rate } from "../../lib/format";
import { useResource } from "../../lib/resource";
import { link } from "../../lib/router";
import { usePaged } from "../../lib/rows";
import { Card, Empty, Head } from "../../ui/bits";
import { Connect } from "../../ui/connect";
import { Table, type Column } from "../../ui/table";
import { Quiet } from "../messaging/things";
import type { OverviewOf } from "../overview/overview";
import { GroupState, type GroupOf } from "./things";
import { t } from "./words";

export function Groups() {
  const source = usePaged<GroupOf>("api/groups", { id: "groups", addressed: true, live: { kind: "groups", steady: ["", "name", "type"] } });
  if (source.error.value?.status === 404) {
    return <div class="page"><Head title={t.groups} /><Card><Empty icon="groups" title={t.unsupported} /></Card></div>;
  }
  return (
    <div class="page fills">
      <Head title={t.groups} />
      <Table id="groups" source={source} columns={columns()} fills rowKey={(row) => row.name} link={(row) => link("groups", row.name)} empty={<NoGroups />} />
    </div>
  );
}

function columns(): Column<GroupOf>[] {
  return [
    { id: "name", title: t.group, sort: "name", min: 220, grow: 3, cell: (row) => <a class="name" href={link("groups", row.name)} title={row.name}>{row.name}</a> },
    { id: "state", title: t.state, sort: "state", min: 100, cell: (row) => <GroupState state={row.state} /> },
    { id: "members", title: t.members, sort: "member_count", number: true, cell: (row) => <Quiet value={row.member_count} /> },
    { id: "lag", title: t.lag, sort: "lag", number: true, cell: (row) => (row.lag ? <b>{count(row.lag)}</b> : <Quiet value={row.lag ?? undefined} />) },
    { id: "lagRate", title: t.lagRate, sort: "lag_details.rate", number: true, min: 100, cell: (row) => <LagRate value={row.lag_details?.rate} /> },
    { id: "topics", title: t.topics, min: 160, grow: 2, cell: (row) => <span class="muted" title={row.topics.join(", ")}>{row.topics.join(", ")}</span> },
    { id: "partitions", title: t.partitions, sort: "partition_count", number: true, cell: (row) => count(row.partition_count) },
    { id: "type", title: t.type, sort: "type", off: true, cell: (row) => row.type },
  ];
}

/** Growing is what worries. */
export function LagRate({ value }: { value: number | undefined }) {
  if (!value) return <span class="idle">–</span>;
  return <span style={{ color: value > 0 ? "var(--bad)" : "var(--good)" }}>{value > 0 ? "+" : "−"}{rate(Math.abs(value))}</span>;
}

function NoGroups() {
  const overview = useResource<OverviewOf>("api/overview", 0).data.value;
  return (
    <Empty icon="groups" title={t.none}>
      <p>{t.noneText}</p>
      {overview && <Connect listeners={overview.listeners} only={["consumer"]} />}
    </Empty>
  );
}
