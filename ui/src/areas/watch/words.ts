import { dictionary } from "../../lib/i18n";

export const t = dictionary({
  en: {
    slow: "Slow consumers", slowAbout: "Who is behind, worst first: AMQP consumers and consumer groups in one list", noSlow: "Everybody keeps up", noSlowHint: "No consumer holds old messages, no group lags behind.", notHere: "This server does not say who is slow yet.",
    oldest: "Unacknowledged over", lagMin: "Lag over", who: "Who", what: "Reads", unacked: "Unacked", prefetch: "of prefetch", age: "Oldest", waiting: "Waiting", rate: "Rate", lag: "Lag", members: "Members", user: "User", seconds: (n: string) => `${n} s`, whyTitle: "Why", perSecond: "/s",
    w_old: "holds old messages", w_full: "prefetch used up", w_lag: "far behind", w_growing: "falling behind", w_nobody: "no members", consumer: "Consumer", group: "Group",
    health: "Health", healthAbout: "Alarms, and what the health checks say", alarms: "Alarms", noAlarms: "No alarm is in effect", noAlarmsHint: "Publishers are not held back.", alarm: (what: string) => `${what} alarm: publishers wait`, memory: "Memory", disk: "Disk", used: (part: string, all: string) => `${part} of ${all}`, free: (part: string, least: string) => `${part} free, at least ${least} needed`,
    whatToDo: "What to do", memoryHelp: "Consume or purge the fullest queues, close clients that hold many unacknowledged messages, or give the broker more memory (memory limit in the settings).", diskHelp: "Free disk space, delete or purge queues and topics that nobody needs, or shorten their retention.",
    checks: "Health checks", ok: "well", failed: "not well", unknown: "not known", checkAlarms: "No alarm of memory or disk", checkVhosts: "All virtual hosts are up", checkService: "The broker is in service", checkReady: "Clients are served", checkConnections: "Below the limit of connections", checkCertificates: "No certificate expires within a month", checkQuorum: "No queue is without a leader",
    api: "HTTP API", apiAbout: "Everything this page does, scripts can do, too", apiHint: "The same paths and shapes as RabbitMQ's, and more. Log in with name and password:", spec: "OpenAPI document", filter: "Filter by path or words", method: "Method", path: "Path", does: "What it does", noSpec: "The list of all routes is in the documentation; this server offers no OpenAPI document yet.",
  },
  zh: {
    slow: "慢消费者", slowAbout: "谁落后了，最严重的在前：AMQP 消费者和消费者组在同一列表", noSlow: "都跟得上", noSlowHint: "没有消费者积压旧消息，也没有消费者组落后。", notHere: "此服务器尚不提供慢消费者信息。",
    oldest: "最旧未确认超过", lagMin: "落后超过", who: "名称", what: "读取", unacked: "未确认", prefetch: "／预取", age: "最旧", waiting: "等待中", rate: "速率", lag: "落后", members: "成员", user: "用户", seconds: (n: string) => `${n} 秒`, whyTitle: "原因", perSecond: "/秒",
    w_old: "积压旧消息", w_full: "预取用尽", w_lag: "落后很多", w_growing: "越来越落后", w_nobody: "没有成员", consumer: "消费者", group: "消费者组",
    health: "健康状况", healthAbout: "告警以及健康检查的结果", alarms: "告警", noAlarms: "没有告警", noAlarmsHint: "发布者未被阻塞。", alarm: (what: string) => `${what}告警：发布者在等待`, memory: "内存", disk: "磁盘", used: (part: string, all: string) => `${part} / ${all}`, free: (part: string, least: string) => `剩余 ${part}，至少需要 ${least}`,
    whatToDo: "怎么办", memoryHelp: "消费或清空最满的队列，关闭积压大量未确认消息的客户端，或给服务器更多内存（设置中的内存上限）。", diskHelp: "释放磁盘空间，删除或清空不再需要的队列和主题，或缩短保留时间。",
    checks: "健康检查", ok: "正常", failed: "异常", unknown: "未知", checkAlarms: "没有内存或磁盘告警", checkVhosts: "所有虚拟主机正常", checkService: "服务器正在服务", checkReady: "正在为客户端服务", checkConnections: "未达到连接数上限", checkCertificates: "一个月内没有证书过期", checkQuorum: "没有失去领导者的队列",
    api: "HTTP API", apiAbout: "页面能做的，脚本也都能做", apiHint: "路径和格式与 RabbitMQ 相同，并有扩展。用名称和密码登录：", spec: "OpenAPI 文档", filter: "按路径或文字筛选", method: "方法", path: "路径", does: "作用", noSpec: "所有路由见文档；此服务器尚不提供 OpenAPI 文档。",
  },
});
