/** How fast messages move, by the node they pass. */
import type { ExchangeRow, Graph, GraphEdge, QueueRow } from "./graph";
import { exchangeId, queueId } from "./graph";

export interface Flow {
  in: number;
  out: number;
  ready: number;
  unacked: number;
  consumers: number;
}

export const STILL: Flow = { in: 0, out: 0, ready: 0, unacked: 0, consumers: 0 };

export function flows(exchanges: ExchangeRow[], queues: QueueRow[]): Map<string, Flow> {
  const found = new Map<string, Flow>();
  for (const row of exchanges) {
    const incoming = rateOf(row.message_stats, "publish_in") || rateOf(row.message_stats, "publish");
    found.set(exchangeId(row.name), { ...STILL, in: incoming, out: rateOf(row.message_stats, "publish_out") });
  }
  for (const row of queues) {
    found.set(queueId(row.name), {
      in: rateOf(row.message_stats, "publish"),
      out: rateOf(row.message_stats, "deliver_get"),
      ready: row.messages_ready ?? row.messages ?? 0,
      unacked: row.messages_unacknowledged ?? 0,
      consumers: row.consumers ?? 0,
    });
  }
  return found;
}

function rateOf(stats: Record<string, unknown> | undefined, name: string): number {
  const details = stats?.[`${name}_details`];
  const rate = (details as { rate?: unknown } | undefined)?.rate;
  return typeof rate === "number" ? rate : 0;
}

/**
 * How much passes each line, by the order of the lines. Nobody counts it: a queue's income is shared by
 * the lines that lead to it, and what goes to an exchange is at most what goes on from there.
 */
export function ratesOfEdges(graph: Graph, flow: Map<string, Flow>): number[] {
  const ways = new Map<string, number>();
  const onward = new Map<string, GraphEdge[]>();
  for (const edge of graph.edges.filter((one) => one.kind === "binding")) {
    ways.set(edge.to, (ways.get(edge.to) ?? 0) + 1);
    onward.set(edge.from, [...(onward.get(edge.from) ?? []), edge]);
  }
  const income = (id: string, depth: number): number => {
    const known = flow.get(id)?.in ?? 0;
    if (known > 0 || depth > DEPTH_MAX) return known;
    return Math.max(0, ...(onward.get(id) ?? []).map((edge) => income(edge.to, depth + 1) / (ways.get(edge.to) ?? 1)));
  };
  return graph.edges.map((edge) => (edge.kind === "binding" ? income(edge.to, 0) / (ways.get(edge.to) ?? 1) : 0));
}

const DEPTH_MAX = 6; // of exchanges bound to exchanges, perhaps in a circle

/** How thick a line is: ten times as much is a step, not ten times as thick. */
export function thickness(rate: number): number {
  return rate <= 0 ? 1.25 : Math.min(5, 1.6 + Math.log10(1 + rate) * 0.8);
}
