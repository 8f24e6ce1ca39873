import { expect, test } from "vitest";
import { BOUNDS, buildGraph, neighbourhood, type BindingRow, type ExchangeRow, type QueueRow } from "./graph";

const exchange = (name: string, more: Partial<ExchangeRow> = {}): ExchangeRow => ({ name, vhost: "/", type: "topic", ...more });
const queue = (name: string, more: Partial<QueueRow> = {}): QueueRow => ({ name, vhost: "/", type: "classic", ...more });
const binding = (source: string, destination: string, routing_key = "", destination_type = "queue"): BindingRow => ({
  source,
  destination,
  destination_type,
  routing_key,
});
const ids = (nodes: { id: string }[]): string[] => nodes.map((node) => node.id).sort();

test("two bindings between the same two are one line with two keys", () => {
  const { edges } = buildGraph({
    exchanges: [exchange("x")],
    queues: [queue("q")],
    bindings: [binding("x", "q", "a"), binding("x", "q", "b"), binding("", "q", "q")],
  });
  expect(edges).toEqual([{ from: "e:x", to: "q:q", kind: "binding", keys: ["a", "b"] }]);
});

test("exchanges that every virtual host has appear when they are used", () => {
  const exchanges = [exchange("", { type: "direct" }), exchange("amq.topic"), exchange("amq.fanout"), exchange("mine")];
  const { nodes } = buildGraph({ exchanges, queues: [queue("q")], bindings: [binding("amq.topic", "q", "#")] });
  expect(ids(nodes)).toEqual(["e:amq.topic", "e:mine", "q:q"]);
});

test("the way of dead letters is drawn, by argument or by policy", () => {
  const { edges } = buildGraph({
    exchanges: [exchange("dlx")],
    queues: [
      queue("a", { arguments: { "x-dead-letter-exchange": "dlx" } }),
      queue("b", { effective_policy_definition: { "dead-letter-exchange": "", "dead-letter-routing-key": "a" } }),
      queue("c", { arguments: { "x-dead-letter-exchange": "gone" } }),
    ],
    bindings: [],
  });
  expect(edges.map((e) => [e.from, e.to, e.kind])).toEqual([
    ["q:a", "e:dlx", "deadLetter"],
    ["q:b", "q:a", "deadLetter"],
  ]);
});

test("an alternate exchange is drawn, headers bindings show their arguments", () => {
  const { edges } = buildGraph({
    exchanges: [exchange("x", { arguments: { "alternate-exchange": "y" } }), exchange("y", { type: "headers" })],
    queues: [queue("q")],
    bindings: [{ ...binding("y", "q"), arguments: { "x-match": "all", size: 3 } }],
  });
  expect(edges[0]!.keys).toEqual(["x-match=all size=3"]);
  expect(edges[1]).toEqual({ from: "e:x", to: "e:y", kind: "alternate", keys: [] });
});

test("of ten thousand queues at one exchange some are drawn and one box stands for the others", () => {
  const queues = Array.from({ length: 10_000 }, (_, i) => queue(`q${i}`));
  const graph = buildGraph({ exchanges: [exchange("x")], queues, bindings: queues.map((q) => binding("x", q.name)) });
  expect(graph.nodes.length).toBe(1 + BOUNDS.perNode + 1);
  expect(graph.nodes.at(-1)).toMatchObject({ kind: "more", hidden: 10_000 - BOUNDS.perNode });
  expect(graph.total).toBe(10_001);
});

test("the focus is shown even when it is one of many", () => {
  const queues = Array.from({ length: 100 }, (_, i) => queue(`q${i}`));
  const rows = { exchanges: [exchange("x")], queues, bindings: queues.map((q) => binding("x", q.name)) };
  expect(ids(buildGraph(rows, { ...BOUNDS, focus: "q:q99" }).nodes)).toContain("q:q99");
  expect(ids(buildGraph(rows, { ...BOUNDS, focus: "q:q99", depth: 1 }).nodes)).toEqual(["e:x", "q:q99"]);
});

test("ten thousand queues that nothing is bound to hang on the default exchange, the first of the list alone", () => {
  const queues = Array.from({ length: 500 }, (_, i) => queue(`q${i}`)); // as many as one answer holds
  const rows = { exchanges: [exchange("")], queues, bindings: [], outgoing: new Map([["e:", 10_000]]) };
  const graph = buildGraph(rows, { ...BOUNDS, alone: false });
  expect(graph.nodes.length).toBe(1 + BOUNDS.perNode + 1);
  expect(graph.nodes[1]?.id).toBe("q:q0");
  expect(graph.nodes.at(-1)).toMatchObject({ kind: "more", hidden: 10_000 - BOUNDS.perNode });
  expect(graph.total).toBe(10_001);
  expect(ids(buildGraph(rows, { ...BOUNDS, alone: false, focus: "q:q7", depth: 5 }).nodes)).toEqual(["e:", "q:q7"]);
});

test("the box of the others says how many there are, not how many were asked for", () => {
  const queues = Array.from({ length: 500 }, (_, i) => queue(`q${i}`));
  const rows = { exchanges: [exchange("x")], queues, bindings: queues.map((q) => binding("x", q.name)), outgoing: new Map([["e:x", 10_000]]) };
  expect(buildGraph(rows).nodes.at(-1)?.hidden).toBe(10_000 - BOUNDS.perNode);
});

test("never more nodes than the bound", () => {
  const queues = Array.from({ length: 2_000 }, (_, i) => queue(`q${i}`));
  const exchanges = Array.from({ length: 1_000 }, (_, i) => exchange(`x${i}`));
  const bindings = queues.map((q, i) => binding(`x${i % 1000}`, q.name));
  const shown = buildGraph({ exchanges, queues, bindings }).nodes.filter((node) => node.kind !== "more");
  expect(shown.length).toBe(BOUNDS.nodes);
});

test("the neighbourhood grows by one line at a time, in both directions", () => {
  const edges = ["a>b", "b>c", "d>c"].map((text) => {
    const [from, to] = text.split(">") as [string, string];
    return { from, to, kind: "binding" as const, keys: [] };
  });
  expect([...neighbourhood("b", edges, 1)].sort()).toEqual(["a", "b", "c"]);
  expect(neighbourhood("b", edges, 2)).toContain("d");
});

test("a binding to a queue that came after the list of queues is drawn", () => {
  const { nodes } = buildGraph({ exchanges: [], queues: [], bindings: [binding("x", "q")] });
  expect(ids(nodes)).toEqual(["e:x", "q:q"]);
});
