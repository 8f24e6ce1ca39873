import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    title: "Tracing", about: "What happened to a message, from any protocol, to any client", trace: "Trace", traces: "Traces", start: "Start a trace", stop: "Stop", stopTitle: "Stop this trace", stopText: "What it has seen is forgotten.",
    offTitle: "Nothing is traced", offText: "Start a trace to see what happens to messages from then on: which exchange and queues they pass, who gets them, who acknowledges them, why they become dead letters. It costs some 20 µs for each message and ends with the broker.",
    adminOnly: "Only administrators may trace: they see the messages of all.", notHere: "This server has no tracing yet.", vhost: "Virtual host",
    name: "Name", pattern: "What", patternHint: "publish.EXCHANGE and deliver.QUEUE, with * and #; # is everything", user: "Only of this user", userHint: "Empty: everybody", events: "Events kept", payload: "Bytes of each body",
    seen: (n: string) => `${n} seen`, everything: "everything", search: "Search", id: "Message, correlation or trace id", queue: "Queue", exchange: "Exchange", key: "Routing key", anyEvent: "All events", follow: "Follow", following: "following",
    story: "What happened to it", back: "All events", noEvents: "Nothing yet", noEventsText: "Events appear here as messages move.", nothingFound: "Nothing fits", nothingFoundText: "No event that is remembered fits this question. Perhaps it was before the trace began.",
    e_published: "published", e_unroutable: "unroutable", e_delivered: "delivered", e_acknowledged: "acknowledged", e_rejected: "rejected", e_requeued: "requeued", e_dead_lettered: "dead-lettered", e_dropped: "dropped", e_expired: "expired", e_returned: "returned", e_routed: "routed",
    by: "by", to: "to", into: "into", from: "from", because: "because", message: "Message", position: "position", redelivered: "again", noAck: "settled by that", clear: "Clear", body: "Body", firehose: "RabbitMQ's firehose is on", pause: "Pause", goOn: "Go on", paused: "paused", traceThis: "Trace", noId: "no id",
  },
  zh: {
    title: "追踪", about: "一条消息经历了什么，来自任意协议，去往任意客户端", trace: "追踪", traces: "追踪列表", start: "开始追踪", stop: "停止", stopTitle: "停止此追踪", stopText: "已记录的内容会被丢弃。",
    offTitle: "没有进行追踪", offText: "开始追踪后，可以看到消息此后经历了什么：经过哪些交换机和队列，谁收到、谁确认，为何成为死信。每条消息大约花费 20 微秒，服务器停止时结束。",
    adminOnly: "只有管理员可以追踪：能看到所有人的消息。", notHere: "此服务器尚不支持追踪。", vhost: "虚拟主机",
    name: "名称", pattern: "内容", patternHint: "publish.交换机 和 deliver.队列，可用 * 和 #；# 表示全部", user: "仅限此用户", userHint: "留空表示所有人", events: "保留的事件数", payload: "每条正文的字节数",
    seen: (n: string) => `已记录 ${n} 条`, everything: "全部", search: "搜索", id: "消息、关联或追踪标识", queue: "队列", exchange: "交换机", key: "路由键", anyEvent: "所有事件", follow: "跟踪", following: "跟踪中",
    story: "它的经历", back: "所有事件", noEvents: "还没有事件", noEventsText: "消息流动时，事件会显示在这里。", nothingFound: "没有符合的事件", nothingFoundText: "记住的事件中没有符合条件的，也许发生在追踪开始之前。",
    e_published: "已发布", e_unroutable: "无法路由", e_delivered: "已投递", e_acknowledged: "已确认", e_rejected: "被拒绝", e_requeued: "重新入队", e_dead_lettered: "成为死信", e_dropped: "被丢弃", e_expired: "已过期", e_returned: "已退回", e_routed: "已路由",
    by: "由", to: "到", into: "进入", from: "来自", because: "原因", message: "消息", position: "位置", redelivered: "再次", noAck: "投递即确认", clear: "清除", body: "正文", firehose: "RabbitMQ 的 firehose 已打开", pause: "暂停", goOn: "继续", paused: "已暂停", traceThis: "追踪", noId: "无标识",
  },
});
