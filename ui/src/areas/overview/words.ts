import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    overview: "Overview", queued: "Messages in queues", rates: "Message rates", ready: "Ready", unacked: "Unacked", total: "Total",
    publish: "Publish", confirm: "Confirm", deliver: "Deliver", ack: "Ack", get: "Get", redeliver: "Redeliver",
    connections: "Connections", channels: "Channels", consumers: "Consumers", exchanges: "Exchanges", queues: "Queues", topics: "Topics", groups: "Groups",
    node: "Node", memory: "Memory", disk: "Free disk", files: "Open files", sockets: "Connections", uptime: "Uptime", cores: "Cores",
    listeners: "Listeners", protocol: "Protocol", address: "Address", connectFirst: "Connect a first client",
    connectText: "Nobody is connected yet. Every client below talks to this broker as it is.",
    memoryAlarm: "Memory alarm: publishers wait until there is room.", diskAlarm: "Disk alarm: publishers wait until there is room on the disk.",
    of: (used: string, of: string) => `${used} of ${of}`, atLeast: (least: string) => `alarm below ${least}`, version: "Version", python: "Runs on",
    directory: "Data directory", records: "Records in", wellKnown: "The broker", tls: "TLS",
  },
  zh: {
    overview: "概览", queued: "队列中的消息", rates: "消息速率", ready: "就绪", unacked: "未确认", total: "总数",
    publish: "发布", confirm: "发布确认", deliver: "投递", ack: "确认", get: "拉取", redeliver: "重新投递",
    connections: "连接", channels: "信道", consumers: "消费者", exchanges: "交换机", queues: "队列", topics: "主题", groups: "消费者组",
    node: "节点", memory: "内存", disk: "可用磁盘", files: "打开的文件", sockets: "连接数", uptime: "运行时间", cores: "CPU 核心",
    listeners: "监听端口", protocol: "协议", address: "地址", connectFirst: "连接第一个客户端",
    connectText: "还没有客户端连接。下面的客户端无需修改即可使用本服务器。",
    memoryAlarm: "内存告警：发布者需等待内存释放。", diskAlarm: "磁盘告警：发布者需等待磁盘空间释放。",
    of: (used: string, of: string) => `${used} / ${of}`, atLeast: (least: string) => `低于 ${least} 时告警`, version: "版本", python: "运行环境",
    directory: "数据目录", records: "写入记录", wellKnown: "服务器", tls: "TLS",
  },
});
