import type { Stats } from "../messaging/things";

export interface TopicOf {
  name: string;
  id: string;
  partitions: number;
  messages: number;
  size_bytes: number;
  cleanup_policy: string;
  retention_ms: number;
  internal: boolean;
  overrides: Record<string, string>;
  message_stats?: Stats;
  groups?: { name: string; state: string; lag: number | null }[];
  queue?: { vhost: string; name: string } | null;
}

export interface PartitionOf {
  topic: string;
  partition: number;
  start: number;
  end: number;
  messages: number;
  size_bytes: number;
  leader_epoch: number;
  producers: number;
  message_stats?: Stats;
}

export interface ConfigOf {
  name: string;
  value: string | null;
  source: "topic" | "broker" | "default";
  type: string;
  read_only: boolean;
  documentation: string;
}

export interface ProducerOf {
  partition: number;
  producer_id: number;
  producer_epoch: number;
  last_sequence: number;
  last_timestamp: number;
}
