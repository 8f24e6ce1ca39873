/**
 * Layered layout of a directed graph, left to right: where data comes from on the left, where it ends on the right.
 *
 * The steps are Sugiyama's: turn cycles around, give every node a layer, put stand-ins where an edge
 * passes a layer, order each layer so that few edges cross, then give heights. Parts that are not
 * connected are laid out one by one and stacked.
 */

export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Line {
  from: string;
  to: string;
}

export interface Place {
  x: number; // of the left upper corner
  y: number;
  layer: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  places: Map<string, Place>;
  lines: Point[][]; // in the order of the given lines: from the edge of a box to the edge of another
  width: number;
  height: number;
}

export interface Gaps {
  layer: number; // between two layers
  node: number; // between two boxes of a layer
  part: number; // between two parts that are not connected
}

export const GAPS: Gaps = { layer: 150, node: 14, part: 28 };
const SWEEPS = 12;

/** A box, or the stand-in of an edge in a layer that it passes. */
interface Node {
  id: string;
  width: number;
  height: number;
  layer: number;
  x: number; // of its left side
  y: number; // of its middle
  before: Node[];
  after: Node[];
}

interface Edge {
  from: Node;
  to: Node;
  turned: boolean;
  via: Node[]; // stand-ins, from left to right
}

/** Place boxes and draw lines between them. Lines to boxes that are not there are empty. */
export function layOut(boxes: Box[], lines: Line[], gaps: Gaps = GAPS): Layout {
  const nodes = new Map(boxes.map((box) => [box.id, newNode(box.id, box.width, box.height)]));
  const edges = lines.map((line) => newEdge(nodes, line));
  const known = edges.filter((edge): edge is Edge => edge !== undefined);
  turnCycles([...nodes.values()], known);
  link(known);
  const parts = partsOf([...nodes.values()], known);
  let top = 0;
  let width = 0;
  for (const part of parts.filter((one) => one.nodes.length > 1)) {
    const size = layOutPart(part.nodes, part.edges, top, gaps);
    top += size.height + gaps.part;
    width = Math.max(width, size.width);
  }
  const single = parts.filter((one) => one.nodes.length === 1).flatMap((one) => one.nodes);
  const alone = inRows(single, top, Math.max(width, rowWidth(single, gaps)), gaps);
  top = alone.bottom;
  width = Math.max(width, alone.width);
  return {
    places: new Map([...nodes.values()].map((node) => [node.id, placeOf(node)])),
    lines: edges.map((edge) => (edge === undefined ? [] : pointsOf(edge))),
    width,
    height: Math.max(0, top - gaps.part),
  };
}

const ROW_WIDTH_MIN = 1100;
const SHAPE = 1.7; // of a window: width to height

/** However many there are, together they have the shape of a window. */
function rowWidth(nodes: Node[], gaps: Gaps): number {
  const area = nodes.reduce((sum, node) => sum + (node.width + gaps.part) * (node.height + gaps.node), 0);
  return Math.max(ROW_WIDTH_MIN, Math.sqrt(area * SHAPE));
}

/** What nothing leads to or from stands in rows below the rest. */
function inRows(nodes: Node[], top: number, width: number, gaps: Gaps): { width: number; bottom: number } {
  let [x, y, widest, high] = [0, top, 0, 0];
  for (const node of nodes) {
    if (x > 0 && x + node.width > width) [x, y, high] = [0, y + high + gaps.node, 0];
    node.x = x;
    node.y = y + node.height / 2;
    high = Math.max(high, node.height);
    widest = Math.max(widest, x + node.width);
    x += node.width + gaps.part;
  }
  return { width: widest, bottom: nodes.length === 0 ? top : y + high + gaps.part };
}

function newNode(id: string, width: number, height: number): Node {
  return { id, width, height, layer: 0, x: 0, y: 0, before: [], after: [] };
}

function newEdge(nodes: Map<string, Node>, line: Line): Edge | undefined {
  const from = nodes.get(line.from);
  const to = nodes.get(line.to);
  if (from === undefined || to === undefined || from === to) return undefined;
  return { from, to, turned: false, via: [] };
}

/** Turn around the edges that lead back to where the search came from. Dead letters often do. */
function turnCycles(nodes: Node[], edges: Edge[]): void {
  const outgoing = new Map<Node, Edge[]>(nodes.map((node) => [node, []]));
  for (const edge of edges) outgoing.get(edge.from)!.push(edge);
  const state = new Map<Node, "open" | "done">();
  const hasIncoming = new Set(edges.map((edge) => edge.to));
  const starts = [...nodes.filter((n) => !hasIncoming.has(n)), ...nodes];
  for (const start of starts) if (!state.has(start)) visit(start, outgoing, state);
}

/** Depth first without recursion: a chain may be as long as there are nodes. */
function visit(start: Node, outgoing: Map<Node, Edge[]>, state: Map<Node, "open" | "done">): void {
  const path: { node: Node; next: number }[] = [{ node: start, next: 0 }];
  state.set(start, "open");
  while (path.length > 0) {
    const here = path[path.length - 1]!;
    const edge = outgoing.get(here.node)![here.next++];
    if (edge === undefined) {
      state.set(here.node, "done");
      path.pop();
    } else if (state.get(edge.to) === "open") {
      edge.turned = true;
    } else if (!state.has(edge.to)) {
      state.set(edge.to, "open");
      path.push({ node: edge.to, next: 0 });
    }
  }
}

const left = (edge: Edge): Node => (edge.turned ? edge.to : edge.from);
const right = (edge: Edge): Node => (edge.turned ? edge.from : edge.to);

function link(edges: Edge[]): void {
  for (const edge of edges) {
    left(edge).after.push(right(edge));
    right(edge).before.push(left(edge));
  }
}

interface Part {
  nodes: Node[];
  edges: Edge[];
}

/** What is connected, the largest first. Nodes without any edge come last, as one part each. */
function partsOf(nodes: Node[], edges: Edge[]): Part[] {
  const partOf = new Map<Node, Part>();
  const parts: Part[] = [];
  for (const start of nodes) {
    if (partOf.has(start)) continue;
    const part: Part = { nodes: [], edges: [] };
    const waiting = [start];
    partOf.set(start, part);
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      part.nodes.push(node);
      for (const other of [...node.before, ...node.after]) {
        if (partOf.has(other)) continue;
        partOf.set(other, part);
        waiting.push(other);
      }
    }
    parts.push(part);
  }
  for (const edge of edges) partOf.get(edge.from)!.edges.push(edge);
  return parts.sort((a, b) => b.nodes.length - a.nodes.length);
}

function layOutPart(nodes: Node[], edges: Edge[], top: number, gaps: Gaps): { width: number; height: number } {
  giveLayers(nodes);
  const all = [...nodes, ...edges.flatMap(standIns)];
  const layers = gather(all);
  order(layers);
  giveHeights(layers, gaps);
  const lowest = Math.min(...all.map((node) => node.y - node.height / 2));
  for (const node of all) node.y += top - lowest;
  const height = Math.max(...all.map((node) => node.y + node.height / 2)) - top;
  return { width: giveWidths(layers, gaps), height };
}

/** The longest way from a source decides; then sources move right, next to what they feed. */
function giveLayers(nodes: Node[]): void {
  const missing = new Map(nodes.map((node) => [node, node.before.length]));
  const ready = nodes.filter((node) => node.before.length === 0);
  for (let at = 0; at < ready.length; at++) {
    const node = ready[at]!;
    for (const after of node.after) {
      after.layer = Math.max(after.layer, node.layer + 1);
      const left = missing.get(after)! - 1;
      missing.set(after, left);
      if (left === 0) ready.push(after);
    }
  }
  for (const node of ready) {
    if (node.before.length > 0 || node.after.length === 0) continue;
    node.layer = Math.min(...node.after.map((after) => after.layer)) - 1;
  }
}

function standIns(edge: Edge): Node[] {
  const [start, end] = [left(edge), right(edge)];
  const made: Node[] = [];
  let last = start;
  for (let layer = start.layer + 1; layer < end.layer; layer++) {
    const node = newNode("", 0, 6);
    node.layer = layer;
    replaceOne(last.after, end, node);
    node.before.push(last);
    node.after.push(end);
    replaceOne(end.before, last, node);
    made.push(node);
    last = node;
  }
  edge.via = made;
  return made;
}

function replaceOne(nodes: Node[], old: Node, by: Node): void {
  nodes[nodes.indexOf(old)] = by;
}

function gather(nodes: Node[]): Node[][] {
  const count = Math.max(...nodes.map((node) => node.layer)) + 1;
  const layers: Node[][] = Array.from({ length: count }, () => []);
  for (const node of nodes) layers[node.layer]!.push(node);
  return layers;
}

/** Order by the mean place of the neighbours, to and fro; the best order that was seen stays. */
function order(layers: Node[][]): void {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(best);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    if (sweep % 2 === 0) for (let i = 1; i < layers.length; i++) orderBy(layers[i]!, layers[i - 1]!, "before");
    else for (let i = layers.length - 2; i >= 0; i--) orderBy(layers[i]!, layers[i + 1]!, "after");
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, i) => layers[i]!.splice(0, layer.length, ...layer));
}

function orderBy(layer: Node[], beside: Node[], side: "before" | "after"): void {
  const at = new Map(beside.map((node, i) => [node, i]));
  const keys = new Map(layer.map((node, i) => [node, mean(node[side].map((n) => at.get(n)!)) ?? i]));
  layer.sort((a, b) => keys.get(a)! - keys.get(b)!);
}

function mean(values: number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}

/** How many pairs of edges between neighbouring layers cross. */
export function crossings(layers: { after: unknown[] }[][]): number {
  let sum = 0;
  for (let i = 0; i + 1 < layers.length; i++) sum += crossingsBetween(layers[i]!, layers[i + 1]!);
  return sum;
}

/** Inversions, counted by a Fenwick tree: a layer may have thousands of edges. */
function crossingsBetween(lefts: { after: unknown[] }[], rights: unknown[]): number {
  const at = new Map(rights.map((node, i) => [node, i]));
  const seen = new Array<number>(rights.length + 1).fill(0);
  let total = 0;
  let sum = 0;
  for (const node of lefts) {
    const ends = node.after.map((n) => at.get(n)!);
    for (const end of ends) sum += total - countUpTo(seen, end);
    for (const end of ends) add(seen, end);
    total += ends.length;
  }
  return sum;
}

function add(tree: number[], index: number): void {
  for (let i = index + 1; i < tree.length; i += i & -i) tree[i]!++;
}

function countUpTo(tree: number[], index: number): number {
  let sum = 0;
  for (let i = index + 1; i > 0; i -= i & -i) sum += tree[i]!;
  return sum;
}

/** Draw every node towards its neighbours, as near as the order and the gaps allow. */
function giveHeights(layers: Node[][], gaps: Gaps): void {
  for (const layer of layers) spread(layer, layer.map(() => 0), gaps);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const toRight = sweep % 2 === 0;
    const sequence = toRight ? layers : [...layers].reverse();
    for (const layer of sequence) spread(layer, layer.map((node) => wish(node, toRight)), gaps);
  }
}

function wish(node: Node, toRight: boolean): number {
  const [near, far] = toRight ? [node.before, node.after] : [node.after, node.before];
  return mean(near.map((n) => n.y)) ?? mean(far.map((n) => n.y)) ?? node.y;
}

/**
 * Give heights nearest to the wishes (least squares) that keep the order and the gaps: pool adjacent
 * violators, over what is left of a wish once all the gaps above it are taken away.
 */
export function spread(layer: { y: number; height: number }[], wishes: number[], gaps: Gaps): void {
  const offsets: number[] = [];
  layer.forEach((node, i) => {
    const above = layer[i - 1];
    offsets.push(above === undefined ? 0 : offsets[i - 1]! + (above.height + node.height) / 2 + gaps.node);
  });
  const blocks: { sum: number; count: number }[] = [];
  wishes.forEach((value, i) => {
    let block = { sum: value - offsets[i]!, count: 1 };
    for (let last = blocks.at(-1); last && last.sum / last.count > block.sum / block.count; last = blocks.at(-1)) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  });
  const bases = blocks.flatMap((b) => new Array<number>(b.count).fill(b.sum / b.count));
  layer.forEach((node, i) => (node.y = bases[i]! + offsets[i]!));
}

function giveWidths(layers: Node[][], gaps: Gaps): number {
  let x = 0;
  for (const layer of layers) {
    const width = Math.max(...layer.map((node) => node.width));
    for (const node of layer) {
      node.x = x;
      if (node.id === "") node.width = width;
    }
    x += width + gaps.layer;
  }
  return x - gaps.layer;
}

function placeOf(node: Node): Place {
  return { x: node.x, y: node.y - node.height / 2, layer: node.layer };
}

function pointsOf(edge: Edge): Point[] {
  const [start, end] = [left(edge), right(edge)];
  const points: Point[] = [{ x: start.x + start.width, y: start.y }];
  for (const node of edge.via) points.push({ x: node.x, y: node.y }, { x: node.x + node.width, y: node.y });
  points.push({ x: end.x, y: end.y });
  return edge.turned ? points.reverse() : points;
}

/** Draw a soft line through points: level where it leaves and where it arrives. */
export function curve(points: Point[]): string {
  const [first, ...others] = points;
  if (first === undefined) return "";
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const point of others) {
    const half = (point.x - last.x) / 2;
    path += ` C${round(last.x + half)} ${round(last.y)} ${round(point.x - half)} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

const round = (value: number): number => Math.round(value * 10) / 10;
