/** The small parts pages are made of. */
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Icon, type IconName } from "./icons";
import { t } from "./words";
import { query, path as here } from "../lib/router";

export function Card(props: { title?: ComponentChildren; actions?: ComponentChildren; flush?: boolean; children: ComponentChildren; class?: string }) {
  return (
    <section class={`card ${props.class ?? ""}`}>
      {(props.title || props.actions) && (
        <header>
          <h2>{props.title}</h2>
          {props.actions && <div class="actions">{props.actions}</div>}
        </header>
      )}
      <div class={props.flush ? "flush" : "body"}>{props.children}</div>
    </section>
  );
}

/** The head of a page: what it is about, and what can be done with it. */
export function Head(props: { title: ComponentChildren; crumbs?: ComponentChildren; sub?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="page-head">
      <div class="grow">
        {props.crumbs && <div class="crumbs">{props.crumbs}</div>}
        <h1>{props.title}</h1>
        {props.sub && <div class="sub">{props.sub}</div>}
      </div>
      {props.children && <div class="actions">{props.children}</div>}
    </div>
  );
}

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "icon" | "children"> & { icon?: IconName | undefined; look?: string; children?: ComponentChildren };

export function Button({ icon, look = "", children, ...rest }: ButtonProps) {
  return (
    <button type="button" {...rest} class={`button ${look} ${children ? "" : "icon"}`}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface FigureOf {
  what: ComponentChildren;
  value: ComponentChildren;
  unit?: string;
  tone?: string; // a colour of the charts, or good, warn, bad
  href?: string;
}

/** Figures in a row. */
export function Figures({ of }: { of: FigureOf[] }) {
  return (
    <div class="figures">
      {of.map((one) => {
        const inside = (
          <>
            <div class="what">
              {one.tone && <span class={`dot ${one.tone}`} style={one.tone.startsWith("--") ? { background: `var(${one.tone})` } : {}} />}
              {one.what}
            </div>
            <div class="value">{one.value} {one.unit && <small>{one.unit}</small>}</div>
          </>
        );
        return one.href ? <a class="figure" href={one.href}>{inside}</a> : <div class="figure">{inside}</div>;
      })}
    </div>
  );
}

/** Names and their values; what is empty is left out. */
export function Facts({ of }: { of: [ComponentChildren, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false).map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

export function Tag({ tone = "", title, children }: { tone?: string; title?: string; children: ComponentChildren }) {
  return <span class={`tag ${tone}`} title={title}>{children}</span>;
}

/** Which protocol a client speaks. The same colour everywhere. */
export function Protocol({ name }: { name: string }) {
  const is = name.toLowerCase().split(/[ /-]/)[0] ?? "";
  return <span class="protocol" data-is={is}><i />{name}</span>;
}

export function Meter({ used, of, warnAt = 0.75, badAt = 0.9 }: { used: number; of: number; warnAt?: number; badAt?: number }) {
  const part = of > 0 ? Math.min(1, Math.max(0, used / of)) : 0;
  const tone = part >= badAt ? "bad" : part >= warnAt ? "warn" : "";
  return <div class={`meter ${tone}`}><i style={{ width: `${part * 100}%` }} /></div>;
}

/** Tabs that are in the address: `?tab=bindings`. The first is shown when nothing is said. */
export function Tabs({ of }: { of: { id: string; label: string; tally?: number | undefined }[] }) {
  const chosen = query.value.get("tab") ?? of[0]?.id;
  return (
    <nav class="tabs">
      {of.map((one, i) => (
        <a href={`#${here.value}${i ? `?tab=${one.id}` : ""}`} aria-current={one.id === chosen ? "page" : undefined}>
          {one.label}
          {one.tally !== undefined && <span class="tally">{one.tally}</span>}
        </a>
      ))}
    </nav>
  );
}

export function chosenTab(first: string): string {
  return query.value.get("tab") ?? first;
}

/** A few choices side by side. */
export function Segments<T extends string>({ of, value, onChange, label }: { of: [T, string][]; value: T; onChange: (value: T) => void; label: string }) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {of.map(([id, text]) => (
        <button type="button" aria-pressed={id === value} onClick={() => onChange(id)}>{text}</button>
      ))}
    </div>
  );
}

/** A button that opens a list of things to do or choose. */
export function Menu(props: { icon?: IconName; label: string; text?: ComponentChildren; look?: string; children: ComponentChildren; stays?: boolean }) {
  const open = useSignal(false);
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open.value) return;
    const outside = (event: Event) => {
      if (!holder.current?.contains(event.target as Node)) open.value = false;
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key === "Escape") open.value = false;
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [open.value]);
  return (
    <div class="menu-holder" ref={holder}>
      <Button icon={props.icon} look={props.look ?? ""} aria-label={props.label} title={props.label} aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}>{props.text}</Button>
      {open.value && (
        <div class="menu" onClick={() => props.stays || (open.value = false)}>{props.children}</div>
      )}
    </div>
  );
}

/** Text to copy: an address, an example. */
export function Snippet({ text }: { text: string }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
    setTimeout(() => (copied.value = false), 1500);
  };
  return (
    <div class="snippet">
      <pre>{text}</pre>
      {navigator.clipboard && (
        <Button icon={copied.value ? "check" : "copy"} look="quiet small" title={copied.value ? t.copied : t.copy} aria-label={t.copy} onClick={copy} />
      )}
    </div>
  );
}

/** What is said where there is nothing to show. */
export function Empty({ icon = "inbox", title, children }: { icon?: IconName; title?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      {title && <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** Counts seconds, so that "3 s ago" goes on. */
export const secondHand = signal(0);
setInterval(() => document.hidden || secondHand.value++, 1000);
