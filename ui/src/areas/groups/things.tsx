import { Tag } from "../../ui/bits";
import type { Details } from "../../lib/samples";
import { t } from "./words";

export interface GroupOf {
  name: string;
  state: string;
  type: string;
  protocol_type: string;
  protocol?: string;
  generation?: number;
  member_count: number;
  topics: string[];
  partition_count: number;
  lag: number | null;
  lag_details?: Details;
  members?: MemberOf[];
  partitions?: PartitionLag[];
}

export interface MemberOf {
  id: string;
  instance_id: string | null;
  client_id: string;
  client_host: string;
  lag: number | null;
  assignment: { topic: string; partitions: number[] }[];
}

export interface PartitionLag {
  topic: string;
  partition: number;
  start: number | null;
  end: number | null;
  committed: number | null;
  lag: number | null;
  committed_at: number;
  member: string | null;
  client_id: string | null;
}

export function GroupState({ state }: { state: string }) {
  const words: Record<string, string> = { Stable: t.Stable, Empty: t.Empty, PreparingRebalance: t.PreparingRebalance, CompletingRebalance: t.CompletingRebalance, Dead: t.Dead };
  const tone = state === "Stable" ? "good" : state.endsWith("Rebalance") ? "warn" : "";
  return <Tag tone={tone} title={state}>{words[state] ?? state}</Tag>;
}
