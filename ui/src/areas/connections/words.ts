import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    connections: "Connections", connection: "Connection", channels: "Channels", channel: "Channel", client: "Client", protocol: "Protocol", user: "User", vhost: "Virtual host", state: "State",
    received: "From client", sent: "To client", since: "Connected", tls: "TLS", name: "Name", product: "Product", address: "Address", requests: "Requests", details: "Details",
    clientProperties: "What the client says of itself", capabilities: "Capabilities", mechanism: "Logged in by", frameMax: "Largest frame", heartbeat: "Heartbeat", channelMax: "Channels at most",
    close: "Close the connection", closeTitle: "Close this connection?", closeText: (name: string) => `${name} is hung up on. Most clients connect again by themselves; messages it holds unacknowledged go back to their queues.`,
    reason: "Reason, which the client is told", closed: "The connection was closed.", none: "Nobody is connected", noneText: "These connect as they are:", noChannels: "No channels are open", noChannelsText: "Channels are what AMQP clients do their work on. They come with connections.",
    prefetch: "Prefetch", unacked: "Unacked", unconfirmed: "Unconfirmed", consumers: "Consumers", mode: "Mode", confirms: "confirms", transactional: "transactional", deliver: "Delivered", publish: "Published", unlimited: "unlimited", plain: "no", yes: "yes", seconds: (s: number) => `${s} s`,
    groups: "Groups", clientId: "Client id", subscriptions: "Subscriptions", keepAlive: "Keep-alive", session: "Session is kept for", forEver: "ever", inFlight: "Messages on their way", will: "Has a will",
  },
  zh: {
    connections: "连接", connection: "连接", channels: "信道", channel: "信道", client: "客户端", protocol: "协议", user: "用户", vhost: "虚拟主机", state: "状态",
    received: "来自客户端", sent: "发往客户端", since: "已连接", tls: "TLS", name: "名称", product: "产品", address: "地址", requests: "请求", details: "详情",
    clientProperties: "客户端自述", capabilities: "能力", mechanism: "登录方式", frameMax: "最大帧", heartbeat: "心跳", channelMax: "最多信道",
    close: "关闭连接", closeTitle: "关闭此连接？", closeText: (name: string) => `将断开 ${name}。多数客户端会自动重连；未确认的消息会回到队列。`,
    reason: "告知客户端的原因", closed: "连接已关闭。", none: "没有客户端连接", noneText: "以下客户端可直接连接：", noChannels: "没有打开的信道", noChannelsText: "信道是 AMQP 客户端工作的通道，随连接而来。",
    prefetch: "预取", unacked: "未确认", unconfirmed: "未发布确认", consumers: "消费者", mode: "模式", confirms: "发布确认", transactional: "事务", deliver: "投递", publish: "发布", unlimited: "不限", plain: "否", yes: "是", seconds: (s: number) => `${s} 秒`,
    groups: "消费者组", clientId: "客户端 ID", subscriptions: "订阅", keepAlive: "保活", session: "会话保留", forEver: "永久", inFlight: "传输中的消息", will: "有遗嘱",
  },
});
