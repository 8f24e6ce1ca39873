/** Rows of conditions: what is searched for. */
import type { Signal } from "@preact/signals";
import { Button } from "../../ui/bits";
import { DEATH_REASONS, emptyCondition, FIELDS, isComplete, NAMED, needsValue, type Condition, type Field } from "./filter";
import { reasonText } from "./detail";
import { OPS, type Op } from "./shapes";
import { t } from "./words";

interface Props {
  rows: Signal<Condition[]>;
  ignoreCase: Signal<boolean>;
  ofTopic: boolean;
  busy: boolean;
  onSearch: () => void;
  onStop: () => void;
  onClear: () => void;
}

export function Builder(props: Props) {
  const { rows, ignoreCase } = props;
  const set = (i: number, change: Partial<Condition>) => {
    rows.value = rows.value.map((row, at) => (at === i ? { ...row, ...change } : row));
  };
  const fields = FIELDS.filter((field) => !props.ofTopic || !(field.startsWith("death_") || field === "redelivered" || field === "exchange"));
  return (
    <form class="builder" role="search" onSubmit={(event) => {
      event.preventDefault();
      props.onSearch();
    }}>
      {rows.value.map((row, i) => (
        <div class="condition" key={i}>
          <select class="select field-of" aria-label={t.filterLabel} value={row.field}
            onChange={(event) => (rows.value = rows.value.map((one, at) => (at === i ? { ...emptyCondition(event.currentTarget.value as Field), value: one.value } : one)))}>
            {fields.map((field) => <option key={field} value={field}>{labelOf(field, props.ofTopic)}</option>)}
          </select>
          <Rest row={row} onChange={(change) => set(i, change)} />
          {rows.value.length > 1 && (
            <Button icon="x" look="quiet" aria-label={t.clear} onClick={() => (rows.value = rows.value.filter((_, at) => at !== i))} />
          )}
        </div>
      ))}
      <div class="row wrap">
        <Button icon="plus" look="quiet small" onClick={() => (rows.value = [...rows.value, emptyCondition("json")])}>{t.addCondition}</Button>
        {rows.value.some((row) => row.field === "text") && (
          <label class="check"><input type="checkbox" checked={ignoreCase.value} onChange={(event) => (ignoreCase.value = event.currentTarget.checked)} />{t.ignoreCase}</label>
        )}
        <span class="grow" />
        {rows.value.some(isComplete) && <Button look="quiet" onClick={props.onClear}>{t.clear}</Button>}
        {props.busy ? <Button onClick={props.onStop}>{t.stop}</Button> : (
          <Button type="submit" icon="search" look="primary" disabled={!rows.value.some(isComplete)}>{t.search}</Button>
        )}
      </div>
    </form>
  );
}

export function labelOf(field: Field, ofTopic = false): string {
  return field === "routing_key" && ofTopic ? t.recordKey : t[`f_${field}`];
}

const OP_WORDS: Partial<Record<Op, "op_contains" | "op_starts" | "op_exists" | "op_missing">> = {
  contains: "op_contains", starts: "op_starts", exists: "op_exists", missing: "op_missing",
};

function Rest({ row, onChange }: { row: Condition; onChange: (change: Partial<Condition>) => void }) {
  if (!NAMED.includes(row.field)) return <Plain row={row} onChange={onChange} />;
  const hint = row.field === "json" ? t.path : row.field === "header" ? t.whichHeader : "message_id";
  return (
    <>
      <input class="input mono" placeholder={hint} aria-label={row.field === "header" ? t.whichHeader : row.field === "property" ? t.whichProperty : t.f_json} value={row.name} spellcheck={false}
        onInput={(event) => onChange({ name: event.currentTarget.value })} />
      <select class="select op" aria-label="op" value={row.op} onChange={(event) => onChange({ op: event.currentTarget.value as Op })}>
        {OPS.map((op) => <option key={op} value={op}>{OP_WORDS[op] ? t[OP_WORDS[op]] : op}</option>)}
      </select>
      {needsValue(row.op) && (
        <input class="input mono" placeholder={t.value} aria-label={t.value} value={row.value} spellcheck={false} onInput={(event) => onChange({ value: event.currentTarget.value })} />
      )}
    </>
  );
}

function Plain({ row, onChange }: { row: Condition; onChange: (change: Partial<Condition>) => void }) {
  const choices = row.field === "redelivered" ? ["true", "false"] : row.field === "death_reason" ? DEATH_REASONS : undefined;
  if (choices) {
    const said = choices.includes(row.value) ? row.value : "";
    return (
      <select class="select" aria-label={t.value} value={said} onChange={(event) => onChange({ value: event.currentTarget.value })}>
        {said === "" && <option value="" />}
        {choices.map((one) => <option key={one} value={one}>{row.field === "death_reason" ? reasonText(one) : one}</option>)}
      </select>
    );
  }
  const isTime = row.field === "from" || row.field === "to";
  const isNumber = row.field === "bytes_min" || row.field === "bytes_max";
  const common = { class: "input", "aria-label": t.value, value: row.value, onInput: (event: { currentTarget: HTMLInputElement }) => onChange({ value: event.currentTarget.value }) };
  if (isTime) return <input type="datetime-local" step={1} {...common} />;
  if (isNumber) return <input type="number" min={0} {...common} />;
  return <input type="text" spellcheck={false} placeholder={row.field === "routing_key" ? t.anyKey : ""} {...common} />;
}
