import { expect, test } from "vitest";
import { fitted, moved, SCALE_MAX, zoomed } from "./view";
import { flows, ratesOfEdges, thickness } from "./rates";
import { buildGraph } from "./graph";

test("a drawing that is larger than the window is made to fit, a smaller one is in the middle", () => {
  expect(fitted({ width: 2000, height: 100 }, { width: 1056, height: 600 }).scale).toBe(0.5);
  expect(fitted({ width: 100, height: 100 }, { width: 500, height: 300 })).toEqual({ scale: 1, x: -200, y: -100 });
});

test("zooming keeps what is under the pointer there", () => {
  const view = { x: 10, y: 20, scale: 1 };
  const at = { x: 100, y: 50 };
  const next = zoomed(view, 2, at);
  expect(next.x + at.x / next.scale).toBeCloseTo(view.x + at.x / view.scale);
  expect(zoomed(view, 100, at).scale).toBe(SCALE_MAX);
});

test("dragging moves as far as the pointer went, at any scale", () => {
  expect(moved({ x: 0, y: 0, scale: 0.5 }, { x: 10, y: 0 })).toEqual({ x: -20, y: 0, scale: 0.5 });
});

test("a line carries what its end takes in, shared by the ways that lead there", () => {
  const stats = (publish: number) => ({ publish_details: { rate: publish }, publish_in_details: { rate: publish } });
  const rows = {
    exchanges: ["a", "b"].map((name) => ({ name, vhost: "/", type: "fanout", message_stats: stats(10) })),
    queues: [{ name: "q", vhost: "/", message_stats: stats(20) }, { name: "r", vhost: "/", message_stats: stats(0) }],
    bindings: ["a>q", "b>q", "a>r"].map((text) => {
      const [source, destination] = text.split(">") as [string, string];
      return { source, destination, destination_type: "queue", routing_key: "" };
    }),
  };
  const graph = buildGraph(rows);
  const flow = flows(rows.exchanges, rows.queues);
  expect(ratesOfEdges(graph, flow)).toEqual([10, 10, 0]);
  expect(thickness(10_000)).toBeGreaterThan(thickness(10));
});

test("what goes to an exchange that counts nothing is what goes on from there, also in a circle", () => {
  const queue = { name: "q", vhost: "/", message_stats: { publish_details: { rate: 6 } } };
  const bindings = [["a", "b", "exchange"], ["b", "a", "exchange"], ["b", "q", "queue"]].map(
    ([source, destination, destination_type]) => ({ source: source!, destination: destination!, destination_type: destination_type!, routing_key: "" }),
  );
  const graph = buildGraph({ exchanges: [], queues: [queue], bindings });
  expect(ratesOfEdges(graph, flows([], [queue]))).toEqual([6, 6, 6]);
});
