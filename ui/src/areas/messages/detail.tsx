/** All of one message: what it carries, what happened to it, its body as people or machines read it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { bytes, count, when } from "../../lib/format";
import { link } from "../../lib/router";
import { Button, Empty, Facts, Segments, Tag } from "../../ui/bits";
import { complain } from "../../ui/toast";
import { bytesOf, HEX_BYTES_MAX, hexLines, isCut, pieces, prettyJson, type View } from "./payload";
import type { Message } from "./shapes";
import { t } from "./words";

type Shown = Pick<Message, "exchange" | "routing_key" | "properties" | "headers" | "payload" | "payload_encoding" | "payload_bytes">;

export function Nothing() {
  return <Empty icon="messages" title={t.chooseOne}><p>{t.chooseOneHint}</p></Empty>;
}

export function Detail(props: { message: Shown & Partial<Message>; vhost?: string | undefined; actions?: ComponentChildren; loadAll?: () => Promise<Message | undefined> }) {
  const { message } = props;
  const deaths = deathsOf(message.headers);
  return (
    <div class="detail stack">
      {props.actions && <div class="row wrap">{props.actions}</div>}
      <Facts of={[
        [t.position, message.position && <code>{message.position}</code>],
        [t.time, message.timestamp ? when(message.timestamp) : undefined],
        [t.exchange, message.exchange === "" ? <span class="faint">{t.defaultExchange}</span> : <code>{message.exchange}</code>],
        [t.key, message.routing_key && <code>{message.routing_key}</code>],
        [t.state, message.state && <StateOf message={message} />],
      ]} />
      <Body key={message.position ?? ""} message={message} {...(props.loadAll && { loadAll: props.loadAll })} />
      {deaths.length > 0 && <Deaths deaths={deaths} vhost={props.vhost} />}
      <Named title={t.properties} values={message.properties} />
      <Named title={t.headers} values={withoutDeaths(message.headers)} />
    </div>
  );
}

function StateOf({ message }: { message: Partial<Message> }) {
  return (
    <span class="row wrap">
      <Tag tone={message.state === "unacked" ? "warn" : message.state === "ready" ? "good" : ""}>{t[message.state ?? "ready"]}</Tag>
      {message.redelivered && <Tag>{t.redelivered}</Tag>}
      {(message.returns ?? 0) > 0 && <span class="muted">{t.returns(count(message.returns))}</span>}
    </span>
  );
}

function Named({ title, values }: { title: string; values: Record<string, unknown> }) {
  const all = Object.entries(values);
  if (all.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <Facts of={all.map(([name, value]) => [<code>{name}</code>, <Value name={name} value={value} />])} />
    </section>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  if (name === "timestamp" && typeof value === "number") return <>{when(value * 1000)} <span class="faint">{value}</span></>;
  if (typeof value === "string") return <code class="text">{value || <i class="faint">""</i>}</code>;
  if (typeof value !== "object" || value === null) return <code class="number-value">{String(value)}</code>;
  const text = JSON.stringify(value);
  return <pre>{text.length > 60 ? (prettyJson(text) ?? text) : text}</pre>;
}

interface Death {
  reason: string;
  queue: string;
  exchange: string;
  count: number;
  time?: number;
  "routing-keys"?: string[];
}

export function deathsOf(headers: Record<string, unknown>): Death[] {
  const said = headers["x-death"];
  return Array.isArray(said) ? (said.filter((one) => typeof one === "object" && one !== null) as Death[]) : [];
}

const SAID_BY_DEATHS = ["x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason", "x-last-death-exchange", "x-last-death-queue", "x-last-death-reason"];

function withoutDeaths(headers: Record<string, unknown>): Record<string, unknown> {
  if (deathsOf(headers).length === 0) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !SAID_BY_DEATHS.includes(name)));
}

export function reasonText(reason: string): string {
  const known: Record<string, string> = { rejected: t.r_rejected, expired: t.r_expired, maxlen: t.r_maxlen, delivery_limit: t.r_delivery_limit };
  return known[reason] ?? reason;
}

function Deaths({ deaths, vhost }: { deaths: Death[]; vhost: string | undefined }) {
  return (
    <section>
      <h3>{t.deaths}</h3>
      <ol class="deaths">
        {deaths.map((death) => (
          <li>
            <Tag tone="bad">{reasonText(death.reason)}</Tag>
            {vhost === undefined ? <code>{death.queue}</code> : <a class="mono" href={link("queues", vhost, death.queue)}>{death.queue}</a>}
            {death.count > 1 && <span class="muted">× {count(death.count)}</span>}
            <span class="faint">{t.via} {death.exchange || t.defaultExchange} {(death["routing-keys"] ?? []).join(", ")}</span>
            {typeof death.time === "number" && <span class="faint">{when(death.time * 1000)}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Body({ message, loadAll }: { message: Shown; loadAll?: () => Promise<Message | undefined> }) {
  const whole = useSignal<Message | undefined>(undefined);
  const shown = whole.value ?? message;
  const isText = shown.payload_encoding === "string";
  const json = isText ? prettyJson(shown.payload) : undefined;
  const wished = useSignal<View | undefined>(undefined);
  const view = wished.value ?? (json !== undefined ? "json" : isText ? "text" : "hex");
  const views: [View, string][] = [["text", t.asText], ["hex", t.asHex]];
  if (json !== undefined) views.unshift(["json", t.asJson]);
  useEffect(() => {
    whole.value = undefined;
  }, [message]);
  const load = () => void loadAll?.().then((found) => (whole.value = found), complain);
  return (
    <section class="message body-of">
      <header class="row">
        <strong>{t.body}</strong>
        <span class="grow">{bytes(message.payload_bytes)}</span>
        {isText && navigator.clipboard && (
          <Button icon="copy" look="quiet small" title={t.copyBody} aria-label={t.copyBody} onClick={() => void navigator.clipboard.writeText(shown.payload)} />
        )}
        <Segments label={t.body} value={view} of={views} onChange={(next) => (wished.value = next)} />
      </header>
      {shown.payload_bytes === 0 ? <p class="faint pad">{t.emptyBody}</p> : view === "hex" ? <Hex bytes={bytesOf(shown)} /> : (
        <pre>{view === "json" && json !== undefined ? pieces(json).map((piece) => <span class={`j-${piece.kind}`}>{piece.text}</span>) : shown.payload}</pre>
      )}
      {isCut(shown) && (
        <footer class="row">
          <span class="grow faint">{t.cut(bytes(bytesOf(shown).length), bytes(shown.payload_bytes))}</span>
          {loadAll && <Button look="small" onClick={load}>{t.showAll}</Button>}
        </footer>
      )}
    </section>
  );
}

function Hex({ bytes: all }: { bytes: Uint8Array }) {
  return (
    <>
      <pre class="hex">{hexLines(all).map((line) => <div><i>{line.at}</i>{"  "}{line.hex}{"  "}<b>{line.text}</b></div>)}</pre>
      {all.length > HEX_BYTES_MAX && <footer class="faint">{t.hexCut}</footer>}
    </>
  );
}
