/** Charts that many pages have: how many messages wait, and how fast they move. */
import { bytes, rate, short } from "../lib/format";
import { dictionary } from "../lib/i18n";
import type { History } from "../lib/history";
import { range, type Range } from "../lib/samples";
import { Card, Segments } from "./bits";
import { Chart } from "./chart";

export const t = dictionary({
  en: {
    queued: "Messages", rates: "Rates", data: "Data", range: "Range", ready: "Ready", unacked: "Unacked", total: "Total", publish: "Published", deliver: "Delivered",
    ack: "Acknowledged", redeliver: "Redelivered", confirm: "Confirmed", get: "Got", publish_in: "In", publish_out: "Out", records: "Records in", lag: "Lag",
    received: "Received", sent: "Sent", "1m": "1 min", "10m": "10 min", "1h": "1 h", "8h": "8 h", "1d": "1 day", unroutable: "Unroutable",
  },
  zh: {
    queued: "消息", rates: "速率", data: "数据量", range: "时间范围", ready: "就绪", unacked: "未确认", total: "总数", publish: "发布", deliver: "投递",
    ack: "确认", redeliver: "重新投递", confirm: "发布确认", get: "拉取", publish_in: "流入", publish_out: "流出", records: "写入记录", lag: "积压",
    received: "接收", sent: "发送", "1m": "1 分钟", "10m": "10 分钟", "1h": "1 小时", "8h": "8 小时", "1d": "1 天", unroutable: "无法路由",
  },
});

export function RangeChoice() {
  const all: Range[] = ["1m", "10m", "1h", "8h", "1d"];
  return <Segments label={t.range} of={all.map((one) => [one, t[one]])} value={range.value} onChange={(one) => (range.value = one)} />;
}

const LINES: Record<string, [label: () => string, tone: string]> = {
  messages: [() => t.total, "--series-7"],
  messages_ready: [() => t.ready, "--series-1"],
  messages_unacknowledged: [() => t.unacked, "--series-2"],
  publish: [() => t.publish, "--series-1"],
  publish_in: [() => t.publish_in, "--series-1"],
  publish_out: [() => t.publish_out, "--series-2"],
  deliver_get: [() => t.deliver, "--series-2"],
  deliver: [() => t.deliver, "--series-2"],
  get: [() => t.get, "--series-6"],
  ack: [() => t.ack, "--series-4"],
  redeliver: [() => t.redeliver, "--series-5"],
  confirm: [() => t.confirm, "--series-3"],
  return_unroutable: [() => t.unroutable, "--series-5"],
  records_in: [() => t.records, "--series-6"],
  recv_oct: [() => t.received, "--series-1"],
  send_oct: [() => t.sent, "--series-2"],
  lag: [() => t.lag, "--series-5"],
};

/** The names of those that the server has figures of; the first stands for all when it has none. */
function linesOf(history: History, names: string[]) {
  const known = names.filter((name) => history.values[name]?.some((one) => one !== null));
  return (known.length ? known : names.slice(0, 1)).map((name) => {
    const [label, tone] = LINES[name] ?? [() => name, "--series-7"];
    return { label: label(), tone, values: history.values[name] ?? [] };
  });
}

type Of = { history: History; of: string[]; title?: string };

export function LengthChart({ history, of, title = t.queued }: Of) {
  return <Card title={title} actions={<RangeChoice />}><Chart label={title} times={history.times} lines={linesOf(history, of)} fill format={short} whole /></Card>;
}

export function RateChart({ history, of, title = t.rates }: Of) {
  return <Card title={title} actions={<RangeChoice />}><Chart label={title} times={history.times} lines={linesOf(history, of)} format={rate} /></Card>;
}

export function DataChart({ history, of, title = t.data }: Of) {
  return <Card title={title} actions={<RangeChoice />}><Chart label={title} times={history.times} lines={linesOf(history, of)} format={(value) => `${bytes(value)}/s`} /></Card>;
}
