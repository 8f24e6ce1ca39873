import { expect, test } from "vitest";
import { crossings, curve, GAPS, layOut, spread, type Box, type Line } from "./layout";

const box = (id: string): Box => ({ id, width: 100, height: 30 });
const line = (text: string): Line => {
  const [from, to] = text.split(">") as [string, string];
  return { from, to };
};
const graph = (nodes: string, lines: string) =>
  layOut([...nodes].map(box), lines.split(" ").filter(Boolean).map(line));

test("data flows from left to right", () => {
  const { places } = graph("abc", "a>b b>c");
  expect(["a", "b", "c"].map((id) => places.get(id)!.layer)).toEqual([0, 1, 2]);
  expect(places.get("b")!.x).toBe(100 + GAPS.layer);
});

test("a source that feeds a late layer stands next to it", () => {
  const { places } = graph("abcd", "a>b b>c d>c");
  expect(places.get("d")!.layer).toBe(1);
});

test("a cycle of dead letters is drawn, and its way back leads back", () => {
  const { places, lines } = graph("abc", "a>b b>c c>a");
  expect([...places.values()].map((p) => p.layer)).toEqual([0, 1, 2]);
  const back = lines[2]!;
  expect(back[0]!.x).toBeGreaterThan(back.at(-1)!.x);
});

test("a cycle that no source leads to, and one of a node with itself", () => {
  const { places, lines } = graph("abc", "a>b b>a c>c");
  expect(places.get("a")!.layer).not.toBe(places.get("b")!.layer);
  expect(lines[2]).toEqual([]);
});

test("lines to what is not shown are empty", () => {
  expect(graph("a", "a>z").lines).toEqual([[]]);
});

test("boxes never overlap", () => {
  const boxes = Array.from({ length: 60 }, (_, i) => box(`n${i}`));
  const lines = Array.from({ length: 120 }, (_, i) => ({ from: `n${(i * 7) % 20}`, to: `n${20 + ((i * 13) % 40)}` }));
  const { places, height } = layOut(boxes, lines);
  const byLayer = new Map<number, number[]>();
  for (const p of places.values()) byLayer.set(p.x, [...(byLayer.get(p.x) ?? []), p.y]);
  for (const ys of byLayer.values()) {
    ys.sort((a, b) => a - b);
    for (let i = 1; i < ys.length; i++) expect(ys[i]! - ys[i - 1]!).toBeGreaterThanOrEqual(30 + GAPS.node - 1e-6);
    expect(ys[0]).toBeGreaterThanOrEqual(-1e-6);
    expect(ys.at(-1)! + 30).toBeLessThanOrEqual(height + 1e-6);
  }
});

test("crossed lines are uncrossed", () => {
  const { places } = graph("abxy", "a>y b>x");
  const above = (p: string, q: string) => places.get(p)!.y < places.get(q)!.y;
  expect(above("a", "b")).toBe(above("y", "x"));
});

test("lines of one part are uncrossed where they can be", () => {
  const { places } = graph("abcxyz", "a>z b>y c>x a>y b>x");
  const above = (p: string, q: string) => places.get(p)!.y < places.get(q)!.y;
  expect([above("a", "b"), above("b", "c")]).toEqual([above("z", "y"), above("y", "x")]);
});

test("crossings are counted", () => {
  const [x, y] = [{ after: [] }, { after: [] }];
  expect(crossings([[{ after: [y] }, { after: [x] }], [x, y]])).toBe(1);
  expect(crossings([[{ after: [x] }, { after: [y] }], [x, y]])).toBe(0);
});

test("a long line passes the layers between and hits no box there", () => {
  const { lines, places } = graph("abcd", "a>b b>c a>c a>d");
  expect(lines[2]!.length).toBe(4);
  const b = places.get("b")!;
  const passing = lines[2]!.slice(1, 3);
  for (const p of passing) expect(p.y < b.y || p.y > b.y + 30).toBe(true);
});

test("heights are the nearest to the wishes that leave the gaps", () => {
  const layer = [0, 0, 0].map(() => ({ y: 0, height: 10 }));
  spread(layer, [0, 0, 100], { layer: 0, node: 10, part: 0 });
  expect(layer.map((n) => n.y)).toEqual([-10, 10, 100]);
});

test("parts that are not connected are stacked, the largest first", () => {
  const { places } = graph("abcde", "d>e a>b b>c");
  expect(places.get("d")!.y).toBeGreaterThanOrEqual(30 + GAPS.part);
});

test("five hundred queues at one exchange are laid out in a blink, and so is a long chain", () => {
  const queues = Array.from({ length: 500 }, (_, i) => box(`q${i}`));
  const star = layOut([box("x"), ...queues], queues.map((q) => ({ from: "x", to: q.id })));
  expect(star.places.size).toBe(501);
  const middle = star.places.get("x")!.y + 15;
  expect(Math.abs(middle - star.height / 2)).toBeLessThan(1);
  const chain = layOut(queues, queues.slice(1).map((q, i) => ({ from: `q${i}`, to: q.id })));
  expect(chain.places.get("q499")!.layer).toBe(499);
});

test("a curve leaves and arrives level", () => {
  expect(curve([{ x: 0, y: 0 }, { x: 10, y: 4 }])).toBe("M0 0 C5 0 5 4 10 4");
  expect(curve([])).toBe("");
});

test("nothing is nothing", () => {
  expect(layOut([], [])).toMatchObject({ width: 0, height: 0 });
});

test("what is not connected to anything stands in rows", () => {
  const { places, width } = layOut(Array.from({ length: 30 }, (_, i) => box(`n${i}`)), []);
  expect(new Set([...places.values()].map((p) => p.y)).size).toBeLessThan(6);
  expect(new Set([...places.values()].map((p) => `${p.x} ${p.y}`)).size).toBe(30);
  expect(width).toBeLessThanOrEqual(1100);
});
