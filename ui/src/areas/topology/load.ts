/** What the graph is made of, asked for in bounded pieces however many queues there are. */
import { apiPath, get, withQuery } from "../../lib/api";
import { total } from "../../lib/live";
import type { BindingRow, ExchangeRow, QueueRow } from "./graph";

export const PAGE = 500; // rows of one answer, the most the API gives
const FULLEST = 60; // queues that are asked for where not all can be drawn
const NAMED_MAX = 40; // queues that are asked for one by one
const HOPS_MAX = 12; // exchanges whose own bindings are asked for around a focus

interface Paged<T> {
  items: T[];
  total_count: number;
}

export interface Loaded {
  exchanges: ExchangeRow[];
  queues: QueueRow[];
  bindings: BindingRow[];
  bindingsTotal: number;
  queuesTotal: number;
  outgoing: Map<string, number>; // how many bindings exchanges have, by their id
}

/** Some bindings, and how many there are. */
interface Some {
  rows: BindingRow[];
  outgoing: Map<string, number>;
}

const BINDING_COLUMNS = "source,destination,destination_type,routing_key,arguments";
const EXCHANGE_COLUMNS = "name,vhost,type,internal,policy,arguments,message_stats";
const QUEUE_COLUMNS =
  "name,vhost,type,messages,messages_ready,messages_unacknowledged,consumers,arguments,effective_policy_definition,message_stats";

/** All of a small virtual host, a part of a large one, or what is around the focus in a large one. */
export async function load(vhost: string, focus: string | undefined, many = (total("queues") ?? 0) > PAGE): Promise<Loaded> {
  const [exchanges, queues, first] = await Promise.all([
    paged<ExchangeRow>(apiPath("exchanges", vhost), { columns: EXCHANGE_COLUMNS }),
    paged<QueueRow>(apiPath("queues", vhost), { columns: QUEUE_COLUMNS, sort: "messages", sort_reverse: true, ...(many && { page_size: FULLEST }) }),
    // Backwards by source: those of the default exchange, one for each queue, come last.
    // Where there are very many, all that is wanted of them is how many.
    paged<BindingRow>(apiPath("bindings", vhost), many ? { page_size: 1 } : { sort: "source", sort_reverse: true }),
  ]);
  if (many && first.total_count <= PAGE && queues.total_count <= PAGE) return load(vhost, focus, false); // they are elsewhere
  const large = first.total_count > first.items.length;
  const some = !large ? { rows: first.items, outgoing: new Map() } : focus !== undefined ? await around(vhost, focus) : await ofSome(vhost, exchanges.items);
  const bindings = some.rows;
  const missing = queues.total_count > queues.items.length ? missingQueues(bindings, queues.items, focus) : [];
  return {
    exchanges: exchanges.items,
    queues: [...queues.items, ...(await named(vhost, missing))],
    bindings,
    bindingsTotal: first.total_count,
    queuesTotal: queues.total_count,
    outgoing: some.outgoing.set("e:", queues.total_count), // it leads to every queue by its name
  };
}

type Query = Record<string, string | boolean | number>;

async function paged<T>(path: string, query: Query): Promise<Paged<T>> {
  const answer = await get<Paged<T> | T[]>(withQuery(path, { page: 1, page_size: PAGE, ...query }));
  return Array.isArray(answer) ? { items: answer, total_count: answer.length } : answer;
}

/** The bindings of the focus, and those of the exchanges beside it. */
async function around(vhost: string, focus: string): Promise<Some> {
  if (focus === "e:") return { rows: [], outgoing: new Map() }; // what it leads to is the list of queues
  const own = await bindingsOf(vhost, focus);
  const beside = new Set(own.rows.flatMap(endsOf));
  beside.delete(focus);
  const exchanges = [...beside].filter((id) => id.startsWith("e:") && id !== "e:");
  const more = await Promise.all(exchanges.slice(0, HOPS_MAX).map((id) => bindingsOf(vhost, id)));
  const all = together([own, ...more]);
  return { ...all, rows: [...new Map(all.rows.map((row) => [JSON.stringify(row), row])).values()] };
}

function together(several: Some[]): Some {
  return { rows: several.flatMap((one) => one.rows), outgoing: new Map(several.flatMap((one) => [...one.outgoing])) };
}

const SOME = 24; // exchanges that a large virtual host is begun with

/** Where nothing is chosen yet: some exchanges, those of its own first. */
async function ofSome(vhost: string, exchanges: ExchangeRow[]): Promise<Some> {
  const own = exchanges.filter((one) => one.name !== "");
  const sorted = [...own.filter((one) => !one.name.startsWith("amq.")), ...own.filter((one) => one.name.startsWith("amq."))];
  return together(await Promise.all(sorted.slice(0, SOME).map((one) => bindingsFrom(vhost, one.name))));
}

async function bindingsFrom(vhost: string, name: string): Promise<Some> {
  const said = await paged<BindingRow>(apiPath("exchanges", vhost, name, "bindings", "source"), { columns: BINDING_COLUMNS });
  return { rows: said.items, outgoing: new Map([[`e:${name}`, said.total_count]]) };
}

function endsOf(row: BindingRow): string[] {
  return [`e:${row.source}`, `${row.destination_type === "exchange" ? "e" : "q"}:${row.destination}`];
}

async function bindingsOf(vhost: string, id: string): Promise<Some> {
  const name = id.slice(2);
  const to = id.startsWith("q:") ? apiPath("queues", vhost, name, "bindings") : apiPath("exchanges", vhost, name, "bindings", "destination");
  const incoming = paged<BindingRow>(to, {}).then((said) => ({ rows: said.items, outgoing: new Map<string, number>() }));
  return together(await Promise.all(id.startsWith("q:") ? [incoming] : [bindingsFrom(vhost, name), incoming]));
}

function missingQueues(bindings: BindingRow[], known: QueueRow[], focus: string | undefined): string[] {
  const wanted = new Set(bindings.filter((b) => b.destination_type === "queue" && b.source !== "").map((b) => b.destination));
  if (focus?.startsWith("q:")) wanted.add(focus.slice(2));
  for (const row of known) wanted.delete(row.name);
  return [...wanted].slice(0, PAGE);
}

/** Queues one by one: a list of those of these names would be a pattern too long for the server. */
async function named(vhost: string, names: string[]): Promise<QueueRow[]> {
  const ask = (name: string): Promise<QueueRow | undefined> =>
    get<QueueRow>(withQuery(apiPath("queues", vhost, name), { columns: QUEUE_COLUMNS })).catch(() => undefined);
  const rows = await Promise.all(names.slice(0, NAMED_MAX).map(ask));
  return rows.filter((row) => row !== undefined);
}

/** In a large virtual host, only what moves, of what is drawn: lists of ten thousand cost the server something. */
export async function refreshed(vhost: string, loaded: Loaded, drawn: string[]): Promise<Loaded> {
  const [exchanges, queues] = await Promise.all([
    paged<ExchangeRow>(apiPath("exchanges", vhost), { columns: EXCHANGE_COLUMNS }),
    named(vhost, drawn),
  ]);
  return { ...withQueues(loaded, vhost, queues), exchanges: exchanges.items };
}

/** With what is told of queues: some of their columns, all of those of a queue that was not known. */
export function withQueues(loaded: Loaded, vhost: string, told: (Partial<QueueRow> & { name: string })[]): Loaded {
  const rows = new Map(loaded.queues.map((row) => [row.name, row]));
  for (const one of told) rows.set(one.name, { vhost, ...rows.get(one.name), ...one });
  return { ...loaded, queues: [...rows.values()] };
}

export const isLarge = (loaded: Loaded): boolean => loaded.bindingsTotal > PAGE || loaded.queuesTotal > PAGE;

export interface Found {
  id: string;
  name: string;
  kind: "exchange" | "queue";
}

/** What has this in its name. */
export async function findByName(vhost: string, name: string): Promise<Found[]> {
  const ask = (list: "exchanges" | "queues"): Promise<Paged<{ name: string }>> =>
    get(withQuery(apiPath(list, vhost), { page: 1, page_size: 8, name, columns: "name" }));
  const [exchanges, queues] = await Promise.all([ask("exchanges"), ask("queues")]);
  return [
    ...exchanges.items.map((row) => ({ id: `e:${row.name}`, name: row.name, kind: "exchange" as const })),
    ...queues.items.map((row) => ({ id: `q:${row.name}`, name: row.name, kind: "queue" as const })),
  ];
}
