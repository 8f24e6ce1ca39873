/** Events as lines, and as the story of one message. */
import { duration, NONE } from "../../lib/format";
import { locale } from "../../lib/i18n";
import { link } from "../../lib/router";
import { Card, Protocol, Tag } from "../../ui/bits";
import { Detail } from "../messages/detail";
import { eventText } from "./page";
import type { TraceEvent } from "./shapes";
import { t } from "./words";

const TONES: Record<string, string> = {
  published: "accent", routed: "accent", delivered: "", acknowledged: "good", rejected: "bad", "dead-lettered": "bad", dropped: "bad", expired: "bad", unroutable: "warn", requeued: "warn", returned: "warn",
};
const PROTOCOLS: Record<string, string> = { amqp: "AMQP", kafka: "Kafka", mqtt: "MQTT", stomp: "STOMP", http: "HTTP" };

const SHORT_MS = 1000;

function after(ms: number): string {
  return ms < SHORT_MS ? `${ms} ms` : duration(ms);
}

export function clock(ms: number): string {
  const then = new Date(ms);
  return `${then.toLocaleTimeString(locale.value, { hour12: false })}.${String(then.getMilliseconds()).padStart(3, "0")}`;
}

export function EventTag({ event }: { event: string }) {
  return <Tag tone={TONES[event] ?? ""}>{eventText(event)}</Tag>;
}

export function Line({ event, onOpen }: { event: TraceEvent; onOpen: () => void }) {
  return (
    <button type="button" class="event" onClick={onOpen}>
      <code class="faint">{clock(event.time)}</code>
      <span><EventTag event={event.event} /></span>
      <span class="clip">{event.protocol === "broker" ? <span class="faint">–</span> : <Protocol name={PROTOCOLS[event.protocol] ?? event.protocol} />}</span>
      <span class="clip mono"><Way event={event} /></span>
      <code class="clip muted">{event.message_id || <span class="faint">{event.trace_id}</span>}</code>
      <span class="clip muted">{event.user}</span>
    </button>
  );
}

/** Where it came from, where it went. */
function Way({ event }: { event: TraceEvent }) {
  const queues = event.queues ?? (event.queue ? [event.queue] : []);
  const shown = queues.slice(0, 4).join(", ") + (queues.length > 4 ? ` +${queues.length - 4}` : "");
  if (event.event !== "published" && event.event !== "unroutable") return <>{shown || NONE}{event.partition !== null && event.partition !== undefined && ` / ${event.partition}`}</>;
  return <><span class="muted">{event.exchange || "(AMQP default)"}</span> {event.routing_key} → {shown || NONE}</>;
}

export function Story({ events }: { events: TraceEvent[] }) {
  const first = events[0]!;
  const withBody = events.find((one) => one.payload !== null && one.payload !== undefined);
  return (
    <div class="grid story-grid">
      <Card title={t.story}>
        <ol class="story">
          {events.map((one, i) => (
            <li key={i} class={TONES[one.event] || "plain"}>
              <div class="row wrap">
                <EventTag event={one.event} />
                <Sentence event={one} />
              </div>
              <div class="row wrap faint">
                <code>{clock(one.time)}</code>
                {i > 0 && <span>+{after(one.time - first.time)}</span>}
                {one.protocol !== "broker" && <Protocol name={PROTOCOLS[one.protocol] ?? one.protocol} />}
                {one.user && <span>{one.user}</span>}
                {one.connection && <a class="clip" href={link("connections", one.connection)}>{one.connection}{one.channel ? ` (${one.channel})` : ""}</a>}
              </div>
            </li>
          ))}
        </ol>
      </Card>
      {withBody && (
        <Card title={t.message} flush>
          <Detail vhost={withBody.vhost} message={{
            exchange: withBody.exchange ?? "", routing_key: withBody.routing_key ?? "", payload: withBody.payload ?? "",
            payload_encoding: withBody.payload_encoding ?? "string", payload_bytes: withBody.payload_bytes ?? 0,
            properties: withoutHeaders(withBody.properties ?? {}), headers: (withBody.properties?.["headers"] as Record<string, unknown> | undefined) ?? {},
          }} />
        </Card>
      )}
    </div>
  );
}

function withoutHeaders(properties: Record<string, unknown>): Record<string, unknown> {
  const { headers: _, ...others } = properties;
  return others;
}

function Sentence({ event }: { event: TraceEvent }) {
  const queues = event.queues ?? (event.queue ? [event.queue] : []);
  const named = queues.map((queue, i) => <>{i > 0 && ", "}<a class="mono" href={link("queues", event.vhost, queue)}>{queue}</a></>);
  const isPublish = event.event === "published" || event.event === "unroutable";
  return (
    <>
      {isPublish && <span>{t.to} <a class="mono" href={link("exchanges", event.vhost, event.exchange || "amq.default")}>{event.exchange || "(AMQP default)"}</a> <code class="muted">{event.routing_key}</code></span>}
      {queues.length > 0 && <span>{isPublish ? t.into : event.event === "delivered" || event.event === "acknowledged" ? t.from : ""} {named}{event.partition !== null && event.partition !== undefined && ` / ${event.partition}`}</span>}
      {event.position && <span class="faint">{t.position} {event.position}</span>}
      {event.redelivered && <Tag tone="warn">{t.redelivered}</Tag>}
      {event.no_ack && <Tag>{t.noAck}</Tag>}
      {event.reason && <span>{t.because}: <strong>{event.reason}</strong></span>}
    </>
  );
}
