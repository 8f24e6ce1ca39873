/** Forms: fields with words of their own, one place for what goes wrong, buttons that wait. */
import { useSignal, type Signal } from "@preact/signals";
import { cloneElement, isValidElement, toChildArray, type ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./bits";
import { reasonOf } from "./toast";
import { t } from "./words";

export function Form(props: {
  onSubmit: () => Promise<unknown>;
  button: string;
  look?: string;
  ready?: boolean;
  onCancel?: () => void;
  wide?: boolean; // one button, as wide as the form
  children: ComponentChildren;
}) {
  const busy = useSignal(false);
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value || props.ready === false) return;
    busy.value = true;
    problem.value = "";
    try {
      await props.onSubmit();
    } catch (error) {
      problem.value = reasonOf(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="form" onSubmit={submit} noValidate={false}>
      {props.children}
      {problem.value && <div class="problem" role="alert">{problem.value}</div>}
      <div class={`buttons ${props.wide ? "wide" : ""}`}>
        {props.onCancel && <Button onClick={props.onCancel}>{t.cancel}</Button>}
        <Button type="submit" look={props.look ?? "primary"} disabled={busy.value || props.ready === false}>{props.button}</Button>
      </div>
    </form>
  );
}

/** A label over an input, which is the only child; hints are not part of its name. */
export function Field(props: { label: ComponentChildren; hint?: ComponentChildren; wrong?: string; children: ComponentChildren }) {
  const id = useId();
  const [input, ...rest] = toChildArray(props.children);
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {isValidElement(input) ? cloneElement(input, { id, "aria-describedby": props.hint ? `${id}-hint` : undefined }) : input}
      {rest}
      {props.wrong && <span class="wrong">{props.wrong}</span>}
      {props.hint && <small id={`${id}-hint`}>{props.hint}</small>}
    </div>
  );
}

type Kept<T> = { value: Signal<T> };

export function TextField({ value, label, hint, ...rest }: Kept<string> & {
  label: string; hint?: ComponentChildren; required?: boolean; placeholder?: string; type?: string; mono?: boolean; list?: string; autocomplete?: string; pattern?: string; autofocus?: boolean;
}) {
  const { mono, autofocus, ...input } = rest;
  const element = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (autofocus) element.current?.focus();
  }, []);
  return (
    <Field label={label} hint={hint}>
      <input ref={element} class={`input ${mono ? "mono" : ""}`} spellcheck={false} autocomplete="off" {...(input as object)} value={value.value}
        onInput={(event) => (value.value = event.currentTarget.value)} />
    </Field>
  );
}

export function AreaField({ value, label, hint, rows = 4, placeholder }: Kept<string> & { label: string; hint?: ComponentChildren; rows?: number; placeholder?: string }) {
  return (
    <Field label={label} hint={hint}>
      <textarea class="area" rows={rows} spellcheck={false} placeholder={placeholder} value={value.value} onInput={(event) => (value.value = event.currentTarget.value)} />
    </Field>
  );
}

export function SelectField<T extends string>({ value, label, hint, options }: Kept<T> & { label: string; hint?: ComponentChildren; options: [T, string][] }) {
  return (
    <Field label={label} hint={hint}>
      <select class="select" value={value.value} onChange={(event) => (value.value = event.currentTarget.value as T)}>
        {options.map(([id, text]) => <option value={id} selected={id === value.value}>{text}</option>)}
      </select>
    </Field>
  );
}

export function Check({ value, label, hint }: Kept<boolean> & { label: ComponentChildren; hint?: ComponentChildren }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value.value} onChange={(event) => (value.value = event.currentTarget.checked)} />
      <span>{label}{hint && <small>{hint}</small>}</span>
    </label>
  );
}

// Arguments and headers: keys with typed values

export type PairType = "string" | "number" | "boolean" | "list";
export interface Pair {
  key: string;
  value: string;
  type: PairType;
}

/** Rows of key, value and type, with suggestions that fill one in. */
export function Pairs({ value, label, suggestions = [] }: Kept<Pair[]> & { label: string; suggestions?: { key: string; type: PairType; value?: string; title?: string }[] }) {
  const set = (i: number, change: Partial<Pair>) => {
    value.value = value.value.map((one, at) => (at === i ? { ...one, ...change } : one));
  };
  const rows = useRef<HTMLFieldSetElement>(null);
  const add = (pair: Pair) => {
    value.value = [...value.value, pair];
    // To what is to be filled in next.
    requestAnimationFrame(() => rows.current?.querySelector<HTMLInputElement>(`.pairs:nth-last-child(2) input:nth-of-type(${pair.key ? 2 : 1})`)?.focus());
  };
  const types: [PairType, string][] = [["string", t.string], ["number", t.number], ["boolean", t.boolean], ["list", t.list]];
  const left = suggestions.filter((one) => !value.value.some((pair) => pair.key === one.key));
  return (
    <fieldset ref={rows}>
      <legend>{label} <span class="faint">{t.optional}</span></legend>
      {value.value.map((pair, i) => (
        <div class="pairs" key={i}>
          <input class="input mono" placeholder={t.key} aria-label={t.key} value={pair.key} spellcheck={false} onInput={(event) => set(i, { key: event.currentTarget.value })} />
          <input class="input mono" placeholder={t.value} aria-label={t.value} value={pair.value} spellcheck={false} onInput={(event) => set(i, { value: event.currentTarget.value })} />
          <select class="select" aria-label={t.type} value={pair.type} onChange={(event) => set(i, { type: event.currentTarget.value as PairType })}>
            {types.map(([id, text]) => <option value={id} selected={id === pair.type}>{text}</option>)}
          </select>
          <Button icon="x" look="quiet" aria-label={t.removeRow} onClick={() => (value.value = value.value.filter((_, at) => at !== i))} />
        </div>
      ))}
      <div class="chips">
        <button type="button" onClick={() => add({ key: "", value: "", type: "string" })}>+ {t.addRow}</button>
        {left.map((one) => (
          <button type="button" title={one.title} onClick={() => add({ key: one.key, value: one.value ?? "", type: one.type })}>{one.key}</button>
        ))}
      </div>
    </fieldset>
  );
}

/** Make an object of pairs; rows without a key are left out. Throws what cannot be read. */
export function objectOf(pairs: Pair[]): Record<string, unknown> {
  const said: Record<string, unknown> = {};
  for (const { key, value, type } of pairs) {
    if (key) said[key] = typed(key, value, type);
  }
  return said;
}

function typed(key: string, value: string, type: PairType): unknown {
  if (type === "number") {
    const number = Number(value);
    if (value.trim() === "" || !Number.isFinite(number)) throw new Error(`${key}: ${value || "?"} ≠ ${t.number}`);
    return number;
  }
  if (type === "boolean") return /^(true|yes|1)$/i.test(value.trim());
  if (type === "list") return value.split(",").map((one) => one.trim()).filter(Boolean);
  return value;
}
