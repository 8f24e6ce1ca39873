import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    topics: "Topics", topic: "Topic", partitions: "Partitions", partition: "Partition", records: "Records", size: "Size", cleanup: "Clean-up", retention: "Kept for", written: "Written", addTopic: "Add a topic",
    none: "No topics yet", noneText: "A producer that writes to a topic makes it, or make one here.", unsupported: "This server does not list topics yet.", forever: "for ever",
    overview: "Overview", configs: "Settings", producers: "Producers", start: "First", end: "End", leaderEpoch: "Leader epoch", groups: "Consumer groups", lag: "Lag", state: "State", group: "Group",
    created: (name: string) => `${name} was created.`, deleted: (name: string) => `${name} was deleted.`, emptied: (name: string) => `The records of ${name} were deleted.`,
    delete: "Delete", empty: "Delete records", deleteTitle: (name: string) => `Delete the topic ${name}?`, deleteText: (n: string) => `Its ${n} records are lost for good, and what groups know of it.`, emptyTitle: (name: string) => `Delete all records of ${name}?`, emptyText: (n: string) => `${n} records are lost for good. Offsets go on from where they are.`,
    compact: "compact: the newest of each key", deletePolicy: "delete: what is too old or too much", both: "both", retentionMs: "Keep for (ms; -1: for ever)", retentionBytes: "Keep at most (bytes for each partition; -1: all)",
    setting: "Setting", value: "Value", source: "Set", change: "Change", changed: (name: string) => `${name} was changed.`, toDefault: "Back to the default", fromTopic: "here", fromBroker: "in the broker", fromDefault: "default", internal: "internal",
    producer: "Producer", epoch: "Epoch", lastSequence: "Last sequence", lastWrite: "Last write", noProducers: "No idempotent producer wrote here lately.", asQueue: "As a stream of AMQP", overridden: "set here", noGroups: "No group reads this topic.",
  },
  zh: {
    topics: "主题", topic: "主题", partitions: "分区", partition: "分区", records: "记录", size: "大小", cleanup: "清理方式", retention: "保留时长", written: "写入", addTopic: "添加主题",
    none: "还没有主题", noneText: "生产者写入主题时会创建，也可以在这里创建。", unsupported: "此服务器尚不能列出主题。", forever: "永久",
    overview: "概览", configs: "设置", producers: "生产者", start: "起始", end: "末尾", leaderEpoch: "Leader 纪元", groups: "消费者组", lag: "积压", state: "状态", group: "组",
    created: (name: string) => `已创建 ${name}。`, deleted: (name: string) => `已删除 ${name}。`, emptied: (name: string) => `已删除 ${name} 的记录。`,
    delete: "删除", empty: "删除记录", deleteTitle: (name: string) => `删除主题 ${name}？`, deleteText: (n: string) => `其 ${n} 条记录以及各组的进度将永久丢失。`, emptyTitle: (name: string) => `删除 ${name} 的全部记录？`, emptyText: (n: string) => `${n} 条记录将永久丢失。偏移量从当前位置继续。`,
    compact: "compact：每个键保留最新一条", deletePolicy: "delete：删除过旧或过多的记录", both: "两者", retentionMs: "保留时长（毫秒；-1 为永久）", retentionBytes: "最多保留（每分区字节数；-1 为全部）",
    setting: "设置", value: "值", source: "来源", change: "修改", changed: (name: string) => `已修改 ${name}。`, toDefault: "恢复默认值", fromTopic: "此主题", fromBroker: "服务器", fromDefault: "默认", internal: "内部",
    producer: "生产者", epoch: "纪元", lastSequence: "最后序号", lastWrite: "最后写入", noProducers: "近期没有幂等生产者写入。", asQueue: "作为 AMQP 流", overridden: "已在此设置", noGroups: "没有消费者组读取此主题。",
  },
});
