import { apiPath, del } from "../../lib/api";
import { count, short } from "../../lib/format";
import { changed } from "../../lib/live";
import { useResource } from "../../lib/resource";
import { go, link, type Params } from "../../lib/router";
import { useLocal } from "../../lib/rows";
import { historyFrom, withSamples } from "../../lib/samples";
import { Button, chosenTab, Empty, Figures, Head, Tabs, Tag } from "../../ui/bits";
import { LengthChart } from "../../ui/charts";
import { askBefore, openDialog } from "../../ui/dialog";
import { Offers } from "../../ui/offers";
import { Since } from "../../ui/since";
import { Table } from "../../ui/table";
import { say } from "../../ui/toast";
import { Quiet } from "../messaging/things";
import { Gone } from "../queues/queue";
import { LagRate } from "./groups";
import { ResetOffsets } from "./reset";
import { GroupState, type GroupOf, type MemberOf, type PartitionLag } from "./things";
import { t } from "./words";

export function Group({ params }: { params: Params }) {
  const name = params["group"] ?? "";
  const { data, error, refresh } = useResource<GroupOf>(withSamples(apiPath("groups", name)));
  const group = data.value;
  if (error.value?.status === 404) return <Gone name={name} />;
  const tab = chosenTab("partitions");
  const reset = () => group && openDialog(t.resetTitle, (close) => <ResetOffsets group={group} close={close} done={refresh} />, { wide: true });
  const history = group && historyFrom(`group ${name}`, [group as unknown as Record<string, unknown>, ["lag"]], [undefined, []]);
  return (
    <div class="page">
      <Head crumbs={<a href="#/groups">{t.groups}</a>} title={name} sub={group && <><GroupState state={group.state} /><Tag>{group.type}</Tag>{group.protocol && <Tag>{group.protocol}</Tag>}</>}>
        <Offers of="group" names={[name]} />
        <Button icon="clock" onClick={reset} disabled={!group || group.member_count > 0} title={group?.member_count ? t.resetHint : undefined}>{t.reset}</Button>
        <Button icon="trash" look="danger" onClick={() => remove(name)} disabled={!group || group.member_count > 0}>{t.delete}</Button>
      </Head>
      {error.value && <div class="problem" role="alert">{error.value.message}</div>}
      <Figures of={[
        { what: t.lag, value: short(group?.lag), tone: "--series-5" },
        { what: t.lagRate, value: <LagRate value={group?.lag_details?.rate} /> },
        { what: t.members, value: count(group?.member_count) },
        { what: t.partitions, value: count(group?.partition_count) },
        { what: t.generation, value: count(group?.generation) },
      ]} />
      {history && <LengthChart history={history} of={["lag"]} title={t.lag} />}
      <Tabs of={[
        { id: "partitions", label: t.partitions, tally: group?.partition_count },
        { id: "members", label: t.members, tally: group?.member_count },
      ]} />
      {tab === "partitions" ? <Partitions of={group?.partitions} /> : <Members of={group?.members} />}
    </div>
  );
}

function Partitions({ of }: { of: PartitionLag[] | undefined }) {
  const source = useLocal(of, { id: "group.partitions", name: (row) => `${row.topic} ${row.client_id ?? ""}` });
  const most = Math.max(1, ...(of ?? []).map((one) => one.lag ?? 0));
  return (
    <Table id="group.partitions" source={source} height={520} rowKey={(row) => `${row.topic} ${row.partition}`} columns={[
      { id: "topic", title: t.topic, sort: "topic", min: 170, grow: 2, cell: (row) => <a class="name" href={link("topics", row.topic)}>{row.topic}</a> },
      { id: "partition", title: t.partition, sort: "partition", number: true, min: 80, cell: (row) => row.partition },
      { id: "committed", title: t.committed, sort: "committed", number: true, cell: (row) => count(row.committed) },
      { id: "end", title: t.end, sort: "end", number: true, cell: (row) => count(row.end) },
      { id: "lag", title: t.lag, sort: "lag", number: true, cell: (row) => <Quiet value={row.lag ?? undefined} /> },
      { id: "bar", title: "", min: 90, cell: (row) => <div class="meter bad"><i style={{ width: `${(100 * (row.lag ?? 0)) / most}%`, opacity: "0.7" }} /></div> },
      { id: "client", title: t.client, sort: "client_id", min: 140, grow: 1.5, cell: (row) => row.client_id ?? <span class="idle">{t.unassigned}</span> },
      { id: "when", title: t.when, sort: "committed_at", number: true, min: 110, cell: (row) => <Since ms={row.committed_at} /> },
      { id: "start", title: t.start, sort: "start", number: true, off: true, cell: (row) => count(row.start) },
    ]} />
  );
}

function Members({ of }: { of: MemberOf[] | undefined }) {
  const source = useLocal(of, { id: "group.members", name: (row) => `${row.client_id} ${row.id}` });
  const reads = (row: MemberOf) => row.assignment.map((one) => `${one.topic} ${one.partitions.join(",")}`).join(" · ");
  return (
    <Table id="group.members" source={source} height={520} rowKey={(row) => row.id} empty={<Empty icon="groups"><p>{t.noMembers}</p></Empty>} columns={[
      { id: "client", title: t.client, sort: "client_id", min: 150, grow: 1.5, cell: (row) => <span class="name" title={row.id}>{row.client_id}</span> },
      { id: "host", title: t.host, sort: "client_host", min: 110, cell: (row) => <span class="mono">{row.client_host}</span> },
      { id: "lag", title: t.lag, sort: "lag", number: true, cell: (row) => <Quiet value={row.lag ?? undefined} /> },
      { id: "reads", title: t.assignment, min: 220, grow: 4, cell: (row) => <span class="mono" title={reads(row)}>{reads(row)}</span> },
      { id: "instance", title: t.instance, sort: "instance_id", off: true, cell: (row) => row.instance_id ?? "" },
      { id: "id", title: t.member, sort: "id", off: true, min: 220, cell: (row) => <span class="mono">{row.id}</span> },
    ]} />
  );
}

function remove(name: string): void {
  askBefore({
    title: t.deleteTitle(name), text: t.deleteText, button: t.delete, name,
    act: () => del(apiPath("groups", name)),
    done: () => { go("#/groups"); say(t.deleted(name)); changed(); },
  });
}
