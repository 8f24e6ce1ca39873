/** What to draw: exchanges, queues and topics of a virtual host, merged and bounded. */

export interface ExchangeRow {
  name: string;
  vhost: string;
  type: string;
  internal?: boolean;
  policy?: string | null;
  arguments?: Record<string, unknown>;
  message_stats?: Record<string, unknown>;
}

export interface BindingRow {
  source: string;
  destination: string;
  destination_type: string; // "queue" | "exchange"
  routing_key: string;
  arguments?: Record<string, unknown>;
}

export interface QueueRow {
  name: string;
  vhost: string;
  type?: string;
  messages?: number;
  messages_ready?: number;
  messages_unacknowledged?: number;
  consumers?: number;
  arguments?: Record<string, unknown>;
  effective_policy_definition?: Record<string, unknown>;
  message_stats?: Record<string, unknown>;
}

export type NodeKind = "exchange" | "queue" | "stream" | "topic" | "more";
export type EdgeKind = "binding" | "deadLetter" | "alternate";

export interface GraphNode {
  id: string;
  kind: NodeKind;
  name: string; // of what it stands for; of "more": of what it belongs to
  detail: string; // the type of an exchange, of a queue
  hidden: number; // of "more": how many it stands for
}

export interface GraphEdge {
  from: string;
  to: string;
  kind: EdgeKind;
  keys: string[];
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  total: number; // nodes there would be without bounds
}

export interface Bounds {
  focus?: string; // the id of a node: only what is near it is shown
  depth: number; // how many lines away
  nodes: number; // at most
  alone: boolean; // is what nothing leads to or from drawn, too?
  perNode: number; // leaves of one node, the others become one "more": so many can be read at once
}

export const BOUNDS: Bounds = { depth: 2, alone: true, nodes: 160, perNode: 12 };

export const exchangeId = (name: string): string => `e:${name}`;
export const queueId = (name: string): string => `q:${name}`;

interface Rows {
  exchanges: ExchangeRow[];
  queues: QueueRow[];
  bindings: BindingRow[];
  /** How many bindings exchanges have, of which `bindings` may hold only the first; by their id. */
  outgoing?: Map<string, number>;
}

/** Merge bindings between the same two, add the ways of dead letters, and cut it down to what can be seen. */
export function buildGraph(rows: Rows, bounds: Bounds = BOUNDS): Graph {
  const nodes = new Map<string, GraphNode>();
  for (const row of rows.exchanges) put(nodes, exchangeNode(row));
  for (const row of rows.queues) put(nodes, queueNode(row));
  const edges = [...bindingEdges(rows.bindings, nodes), ...otherWays(rows, nodes)];
  if (!bounds.alone || bounds.focus === DEFAULT) edges.push(...byName(rows.queues, nodes, edges, bounds.focus));
  const used = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  if (bounds.focus !== undefined) used.add(bounds.focus);
  const drawn = [...nodes.values()].filter((node) => used.has(node.id) || (bounds.alone && isOfInterest(node)));
  const near = bounds.focus === undefined ? undefined : neighbourhood(bounds.focus, edges, bounds.depth);
  const wanted = near === undefined ? drawn : drawn.filter((node) => near.has(node.id));
  return cut({ nodes: wanted, edges, total: wanted.length }, bounds, rows.outgoing);
}

const DEFAULT = exchangeId("");

/** Where not all can be drawn, queues that are reached by their name alone hang on the default exchange. */
function byName(queues: QueueRow[], nodes: Map<string, GraphNode>, edges: GraphEdge[], focus = DEFAULT): GraphEdge[] {
  if (!nodes.has(DEFAULT)) return [];
  const reached = new Set(edges.map((edge) => edge.to));
  return queues
    .filter((row) => !reached.has(queueId(row.name)) && (focus === DEFAULT || focus === queueId(row.name)))
    .map((row) => ({ from: DEFAULT, to: queueId(row.name), kind: "binding", keys: [row.name] }));
}

function put(nodes: Map<string, GraphNode>, node: GraphNode): void {
  nodes.set(node.id, node);
}

function exchangeNode(row: ExchangeRow): GraphNode {
  return { id: exchangeId(row.name), kind: "exchange", name: row.name, detail: row.type, hidden: 0 };
}

function queueNode(row: QueueRow): GraphNode {
  const kind = row.type === "stream" ? "stream" : row.type === "topic" ? "topic" : "queue";
  return { id: queueId(row.name), kind, name: row.name, detail: row.type ?? "classic", hidden: 0 };
}

/** The exchanges that every virtual host has are of no interest until they are used. */
function isOfInterest(node: GraphNode): boolean {
  return node.kind !== "exchange" || !(node.name === "" || node.name.startsWith("amq."));
}

function bindingEdges(bindings: BindingRow[], nodes: Map<string, GraphNode>): GraphEdge[] {
  const edges = new Map<string, GraphEdge>();
  for (const row of bindings) {
    if (row.source === "") continue; // to every queue by its name: drawn, it would say nothing
    const to = row.destination_type === "exchange" ? exchangeId(row.destination) : queueId(row.destination);
    merge(edges, { from: exchangeId(row.source), to, kind: "binding", keys: [keyOf(row)] });
    addMissing(nodes, row, to);
  }
  return [...edges.values()];
}

/** Lists are made one after another: what a binding names may have come after its own list. */
function addMissing(nodes: Map<string, GraphNode>, row: BindingRow, to: string): void {
  const from = exchangeId(row.source);
  if (!nodes.has(from)) put(nodes, { id: from, kind: "exchange", name: row.source, detail: "", hidden: 0 });
  if (nodes.has(to)) return;
  const kind = row.destination_type === "exchange" ? "exchange" : "queue";
  put(nodes, { id: to, kind, name: row.destination, detail: "", hidden: 0 });
}

function merge(edges: Map<string, GraphEdge>, edge: GraphEdge): void {
  const name = JSON.stringify([edge.from, edge.to, edge.kind]);
  const there = edges.get(name);
  if (there === undefined) edges.set(name, edge);
  else there.keys.push(...edge.keys);
}

function keyOf(row: BindingRow): string {
  const wanted = Object.entries(row.arguments ?? {});
  if (row.routing_key !== "" || wanted.length === 0) return row.routing_key;
  return wanted.map(([name, value]) => `${name}=${String(value)}`).join(" ");
}

/** Ways that are no bindings: dead letters of queues, what exchanges do with what nobody wants. */
function otherWays(rows: Rows, nodes: Map<string, GraphNode>): GraphEdge[] {
  const edges: GraphEdge[] = [];
  for (const row of rows.queues) {
    const exchange = settingOf(row, "dead-letter-exchange");
    const key = settingOf(row, "dead-letter-routing-key");
    if (typeof exchange !== "string") continue;
    const direct = exchange === "" ? queueId(String(key ?? row.name)) : exchangeId(exchange);
    if (!nodes.has(direct)) continue;
    edges.push({ from: queueId(row.name), to: direct, kind: "deadLetter", keys: typeof key === "string" ? [key] : [] });
  }
  for (const row of rows.exchanges) {
    const to = row.arguments?.["alternate-exchange"];
    if (typeof to !== "string" || !nodes.has(exchangeId(to))) continue;
    edges.push({ from: exchangeId(row.name), to: exchangeId(to), kind: "alternate", keys: [] });
  }
  return edges;
}

function settingOf(row: QueueRow, name: string): unknown {
  return row.arguments?.[`x-${name}`] ?? row.effective_policy_definition?.[name];
}

/** What is at most so many lines away, in any direction. */
export function neighbourhood(focus: string, edges: GraphEdge[], depth: number): Set<string> {
  const beside = groupBy(edges.flatMap((e) => [[e.from, e.to] as const, [e.to, e.from] as const]));
  const near = new Set([focus]);
  let rim = [focus];
  for (let step = 0; step < depth; step++) {
    rim = rim.flatMap((id) => beside.get(id) ?? []).filter((id) => !near.has(id));
    for (const id of rim) near.add(id);
  }
  return near;
}

function groupBy(pairs: (readonly [string, string])[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/** Keep the first lines of each node; the ends of the others, if no other line leads there, become one box. */
function cut(graph: Graph, bounds: Bounds, outgoing: Map<string, number> = new Map()): Graph {
  const there = new Set(graph.nodes.map((node) => node.id));
  const edges = graph.edges.filter((edge) => there.has(edge.from) && there.has(edge.to));
  const hidden = tooMany(edges, bounds);
  const limited = limit(graph.nodes.filter((node) => !hidden.has(node.id)), edges, bounds);
  const shown = new Map(limited.map((node) => [node.id, node]));
  const drawn = withMore(shown, edges, outgoing);
  const hiddenOnes = drawn.nodes.reduce((sum, node) => sum + node.hidden, 0);
  return { ...drawn, total: Math.max(graph.total, shown.size + hiddenOnes) };
}

/** How many lines each node has. */
function degrees(edges: GraphEdge[]): Map<string, number> {
  const degree = new Map<string, number>();
  for (const id of edges.flatMap((edge) => [edge.from, edge.to])) degree.set(id, (degree.get(id) ?? 0) + 1);
  return degree;
}

/** Leaves beyond the bound of the node that they hang on. */
function tooMany(edges: GraphEdge[], bounds: Bounds): Set<string> {
  const degree = degrees(edges);
  const leaves = new Map<string, number>();
  const hidden = new Set<string>();
  for (const edge of edges) {
    for (const [hub, leaf] of [[edge.from, edge.to], [edge.to, edge.from]] as const) {
      if (degree.get(leaf) !== 1 || leaf === bounds.focus) continue;
      const count = (leaves.get(hub) ?? 0) + 1;
      leaves.set(hub, count);
      if (count > bounds.perNode) hidden.add(leaf);
    }
  }
  return hidden;
}

/** The nodes nearest to the focus, else those with most lines. */
function limit(nodes: GraphNode[], edges: GraphEdge[], bounds: Bounds): GraphNode[] {
  if (nodes.length <= bounds.nodes) return nodes;
  const degree = degrees(edges);
  if (bounds.focus !== undefined) degree.set(bounds.focus, Infinity);
  const rank = (node: GraphNode): number => degree.get(node.id) ?? 0;
  return [...nodes].sort((a, b) => rank(b) - rank(a)).slice(0, bounds.nodes);
}

function withMore(shown: Map<string, GraphNode>, edges: GraphEdge[], outgoing: Map<string, number>): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const more = new Map<string, GraphNode & { ends: Set<string> }>();
  const kept: GraphEdge[] = [];
  for (const edge of edges) {
    const [from, to] = [shown.has(edge.from), shown.has(edge.to)];
    if (from && to) kept.push(edge);
    else if (from) moreOf(more, edge.from, ">").ends.add(edge.to);
    else if (to) moreOf(more, edge.to, "<").ends.add(edge.from);
  }
  const drawn = groupBy(kept.map((edge) => [edge.from, edge.to] as const));
  const unknown = (hub: string): number => (outgoing.get(hub) ?? 0) - (drawn.get(hub)?.length ?? 0);
  const boxes = [...more.values()].map(({ ends, ...node }) => ({
    ...node, hidden: node.detail === ">" ? Math.max(ends.size, unknown(`e:${node.name}`)) : ends.size,
  }));
  const lines = boxes.map((box): GraphEdge => {
    const hub = box.id.slice(6);
    const [from, to] = box.detail === ">" ? [hub, box.id] : [box.id, hub];
    return { from, to, kind: "binding", keys: [] };
  });
  return { nodes: [...shown.values(), ...boxes], edges: [...kept, ...lines] };
}

function moreOf(
  more: Map<string, GraphNode & { ends: Set<string> }>,
  hub: string,
  side: "<" | ">",
): GraphNode & { ends: Set<string> } {
  const id = `more${side}:${hub}`;
  let box = more.get(id);
  if (box === undefined) {
    box = { id, kind: "more", name: hub.slice(2), detail: side, hidden: 0, ends: new Set() };
    more.set(id, box);
  }
  return box;
}
