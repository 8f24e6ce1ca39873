/** The messages of a page, one line each: chosen by the mouse or by keys. */
import { useEffect, useRef } from "preact/hooks";
import { bytes, count, NONE, when } from "../../lib/format";
import { Tag } from "../../ui/bits";
import { locale } from "../../lib/i18n";
import { isTopic } from "./calls";
import { preview } from "./payload";
import type { Message, Source } from "./shapes";
import { t } from "./words";

interface Props {
  source: Source;
  messages: Message[];
  open: string | undefined;
  onOpen: (position: string) => void;
  chosen: ReadonlySet<string>;
  onChoose: (positions: ReadonlySet<string>) => void;
}

export function MessageList(props: Props) {
  const { messages, open, chosen } = props;
  const box = useRef<HTMLDivElement>(null);
  const lastTicked = useRef(-1);
  useEffect(() => {
    box.current?.querySelector("[aria-selected='true']")?.scrollIntoView({ block: "nearest" });
  }, [open]);
  const all = messages.length > 0 && messages.every((one) => chosen.has(one.position));
  const tick = (i: number, range: boolean) => {
    const on = !chosen.has(messages[i]!.position);
    const from = range && lastTicked.current >= 0 ? lastTicked.current : i;
    const next = new Set(chosen);
    for (const one of messages.slice(Math.min(from, i), Math.max(from, i) + 1)) {
      if (on) next.add(one.position);
      else next.delete(one.position);
    }
    lastTicked.current = i;
    props.onChoose(next);
  };
  const onKey = (event: KeyboardEvent) => {
    const at = messages.findIndex((one) => one.position === open);
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10, Home: -messages.length, End: messages.length }[event.key];
    if (step !== undefined) {
      const next = messages[Math.max(0, Math.min(messages.length - 1, at + step))];
      if (next) props.onOpen(next.position);
    } else if (event.key === " " && at >= 0) {
      tick(at, event.shiftKey);
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <div class="message-list" ref={box} tabIndex={0} role="listbox" aria-multiselectable="true" aria-label={t.messages} onKeyDown={onKey}>
      <div class="m-row m-head">
        <label class="tick"><input type="checkbox" checked={all} aria-label={all ? t.unchoose : t.chooseAll}
          onChange={() => props.onChoose(all ? new Set() : new Set([...chosen, ...messages.map((one) => one.position)]))} /></label>
        <span class="number">{isTopic(props.source) ? t.offset : t.position}</span>
        <span>{t.time}</span>
        <span>{isTopic(props.source) ? t.recordKey : t.key}</span>
        <span>{t.body}</span>
        <span class="number">{t.size}</span>
      </div>
      {messages.map((one, i) => (
        <Row key={one.position} message={one} isOpen={one.position === open} isChosen={chosen.has(one.position)}
          onOpen={() => props.onOpen(one.position)} onTick={(range) => tick(i, range)} />
      ))}
    </div>
  );
}

function Row(props: { message: Message; isOpen: boolean; isChosen: boolean; onOpen: () => void; onTick: (range: boolean) => void }) {
  const { message } = props;
  return (
    <div class={`m-row ${props.isChosen ? "ticked" : ""}`} role="option" aria-selected={props.isOpen} data-position={message.position} onClick={props.onOpen}>
      <label class="tick" onClick={(event) => event.stopPropagation()}>
        <input type="checkbox" checked={props.isChosen} aria-label={message.position} tabIndex={-1}
          onClick={(event) => props.onTick(event.shiftKey)} />
      </label>
      <span class="number mono">{message.position}</span>
      <span class="muted" title={when(message.timestamp)}>{stamp(message.timestamp)}</span>
      <span class="mono clip">{message.routing_key || <i class="faint">–</i>}</span>
      <span class="body-cell">
        {message.state === "unacked" && <Tag tone="warn">{t.unacked}</Tag>}
        {message.redelivered && <Tag title={t.returns(count(message.returns))}>↺{message.returns > 1 ? ` ${message.returns}` : ""}</Tag>}
        <code class={`clip ${message.payload_encoding === "base64" ? "faint" : ""}`}>{preview(message) || <i class="faint">–</i>}</code>
      </span>
      <span class="number muted">{bytes(message.payload_bytes)}</span>
    </div>
  );
}

const DAY_MS = 86_400_000;

/** The time of what came today, the day of what is older: all of it is in the title and beside the list. */
function stamp(ms: number | null): string {
  if (!ms) return NONE;
  const then = new Date(ms);
  if (Date.now() - ms < DAY_MS) return then.toLocaleTimeString(locale.value, { hour12: false });
  return then.toLocaleDateString(locale.value, { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit" });
}
