import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    groups: "Consumer groups", group: "Consumer group", state: "State", members: "Members", member: "Member", topics: "Topics", partitions: "Partitions", partition: "Partition", lag: "Lag", lagRate: "Lag grows", topic: "Topic", type: "Type",
    none: "No consumer groups yet", noneText: "A consumer that joins with a group.id makes one.", unsupported: "This server does not list groups yet.", start: "First", end: "End", committed: "Committed", when: "Last commit", client: "Client", host: "From", assignment: "Reads", unassigned: "nobody",
    reset: "Set offsets", resetTitle: "Where to go on reading", resetHint: "Only while nobody is a member: stop the consumers first.", earliest: "From the first record", latest: "From the end: only what is new", shift: "So many records from where it is", timestamp: "From a time", offset: "At an offset",
    by: "Records (negative: back)", at: "Time", atOffset: "Offset", onlyTopic: "Topic", allTopics: "All topics", preview: "See what would change", apply: "Set offsets", from: "From", to: "To", newLag: "Lag then", applied: "The offsets were set.",
    delete: "Forget", deleteTitle: (name: string) => `Forget the group ${name}?`, deleteText: "Where it got to is lost: its consumers start again as if they were new.", deleted: (name: string) => `${name} was forgotten.`, overview: "Overview", generation: "Generation", strategy: "Assignment", instance: "Instance", noMembers: "Nobody is a member now.",
    Stable: "stable", Empty: "empty", PreparingRebalance: "rebalancing", CompletingRebalance: "rebalancing", Dead: "dead", dryRun: "Nothing is changed before you say so.",
  },
  zh: {
    groups: "消费者组", group: "消费者组", state: "状态", members: "成员", member: "成员", topics: "主题", partitions: "分区", partition: "分区", lag: "积压", lagRate: "积压增长", topic: "主题", type: "类型",
    none: "还没有消费者组", noneText: "以 group.id 加入的消费者会创建消费者组。", unsupported: "此服务器尚不能列出消费者组。", start: "起始", end: "末尾", committed: "已提交", when: "距上次提交", client: "客户端", host: "来自", assignment: "读取", unassigned: "无",
    reset: "设置偏移量", resetTitle: "从哪里继续读取", resetHint: "只有没有成员时才能设置：请先停止消费者。", earliest: "从第一条记录", latest: "从末尾：只读新记录", shift: "相对当前位置移动", timestamp: "从某个时间", offset: "指定偏移量",
    by: "记录数（负数为后退）", at: "时间", atOffset: "偏移量", onlyTopic: "主题", allTopics: "所有主题", preview: "预览变化", apply: "设置偏移量", from: "原位置", to: "新位置", newLag: "之后的积压", applied: "偏移量已设置。",
    delete: "移除", deleteTitle: (name: string) => `移除消费者组 ${name}？`, deleteText: "其读取进度将丢失：消费者将像新加入一样重新开始。", deleted: (name: string) => `已移除 ${name}。`, overview: "概览", generation: "代", strategy: "分配策略", instance: "实例", noMembers: "当前没有成员。",
    Stable: "稳定", Empty: "空", PreparingRebalance: "重平衡中", CompletingRebalance: "重平衡中", Dead: "已失效", dryRun: "确认之前不会有任何更改。",
  },
});
