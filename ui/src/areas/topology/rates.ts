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

/** How much passes a line: what its end takes in, when the line is the only way there; else what may. */
export function rateOfEdge(edge: GraphEdge, graph: Graph, flow: Map<string, Flow>): number {
  const from = flow.get(edge.from) ?? STILL;
  const to = flow.get(edge.to) ?? STILL;
  if (edge.kind !== "binding") return 0; // said by nobody
  const ways = graph.edges.filter((other) => other.to === edge.to && other.kind === "binding").length;
  if (to.in > 0 && from.in > 0) return to.in / ways;
  return edge.to.startsWith("e:") && from.in > 0 ? Math.min(from.in, to.in) : 0;
}

/** How thick a line is: ten times as much is a step, not ten times as thick. */
export function thickness(rate: number): number {
  return rate <= 0 ? 1.25 : Math.min(5, 1.6 + Math.log10(1 + rate) * 0.8);
}
