/** One table for every list: sorts, filters, chooses columns, and draws only the rows in view. */
import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { count } from "../lib/format";
import { remembered } from "../lib/prefs";
import { go } from "../lib/router";
import type { Source } from "../lib/rows";
import { Button, Empty, Menu } from "./bits";
import { Icon } from "./icons";
import { reasonOf } from "./toast";
import { t } from "./words";

export interface Column<T> {
  id: string;
  title: string;
  cell: (row: T) => ComponentChildren;
  sort?: string; // the path of what it is sorted by
  min?: number; // px
  grow?: number;
  number?: boolean;
  off?: boolean; // only when chosen
  room?: number; // px the table must have for it, unless it is chosen
  hint?: string;
}

interface Props<T> {
  id: string; // remembers which columns are chosen
  source: Source<T>;
  columns: Column<T>[];
  rowKey: (row: T) => string;
  link?: (row: T) => string;
  /** It takes the height that is left, and scrolls within. */
  fills?: boolean;
  /** No filter and no choice of columns: for a few rows within a page. */
  plain?: boolean;
  height?: number;
  actions?: ComponentChildren;
  empty?: ComponentChildren;
  chosen?: (row: T) => boolean;
}

const ROW = 32;
const OVERSCAN = 12;

export function Table<T>(props: Props<T>) {
  const { source, columns: every } = props;
  const hidden = useMemo(() => remembered<Record<string, boolean>>(`columns.${props.id}`, {}), [props.id]);
  const room = useSignal(innerWidth);
  const columns = every.filter((one) => !(hidden.value[one.id] ?? one.off ?? (one.room ?? 0) > room.value));
  const scroller = useRef<HTMLDivElement>(null);
  const view = useSignal({ first: 0, last: 40 });
  const cursor = useSignal(-1);
  const total = source.count.value;

  const look = () => {
    const box = scroller.current;
    if (!box) return;
    room.value = box.clientWidth;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - OVERSCAN);
    const last = Math.ceil((box.scrollTop + box.clientHeight) / ROW) + OVERSCAN;
    if (first !== view.value.first || last !== view.value.last) view.value = { first, last };
  };
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    look();
    const watch = new ResizeObserver(look);
    watch.observe(box);
    return () => watch.disconnect();
  }, [total === undefined || total === 0]);
  const last = Math.min(view.value.last, (total ?? 0) - 1);
  useEffect(() => {
    if (last >= 0) source.show(Math.min(view.value.first, last), last);
  }, [source, view.value.first, last]);
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
    cursor.value = -1;
  }, [source.sort.value, source.filter.value]);

  const move = (event: KeyboardEvent) => {
    const box = scroller.current;
    if (!box || !total) return;
    const visible = Math.max(1, Math.floor(box.clientHeight / ROW) - 2);
    const steps: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: visible, PageUp: -visible, Home: -total, End: total };
    const step = steps[event.key];
    if (step !== undefined && event.target === box) {
      event.preventDefault();
      cursor.value = Math.min(total - 1, Math.max(0, cursor.value + step));
      const top = cursor.value * ROW;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + ROW * 2 > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW * 2 - box.clientHeight;
    } else if (event.key === "Enter" && event.target === box) {
      const row = source.row(cursor.value);
      if (row !== undefined && props.link) go(props.link(row));
    }
  };
  const open = (event: MouseEvent, row: T) => {
    if (!props.link || (event.target as Element).closest("a, button, input, label")) return;
    if (getSelection()?.toString()) return; // somebody copies a name
    go(props.link(row));
  };

  const template = columns.map((one) => `minmax(${one.min ?? 90}px, ${one.grow ?? 1}fr)`).join(" ");
  const width = columns.reduce((sum, one) => sum + (one.min ?? 90), 0);
  const rows = [];
  for (let i = Math.max(0, Math.min(view.value.first, last)); i <= last; i++) {
    const row = source.row(i);
    rows.push(
      <div key={row === undefined ? `-${i}` : props.rowKey(row)} role="row" aria-rowindex={i + 2} style={{ top: `${i * ROW}px` }}
        class={`t-row ${i === cursor.value || (row !== undefined && props.chosen?.(row)) ? "chosen" : ""}`}
        data-link={props.link ? "" : undefined} onClick={(event) => row !== undefined && open(event, row)}>
        {columns.map((one) => (row === undefined ? <div class="ghost" /> : (
          <div role="cell" class={one.number ? "number" : ""}>{one.cell(row)}</div>
        )))}
      </div>,
    );
  }
  const height = props.fills ? {} : { maxHeight: `${props.height ?? 420}px` };
  return (
    <section class={`card table ${props.fills ? "fills" : ""}`}>
      {!props.plain && <Bar {...props} hidden={hidden} />}
      {source.error.value && <div class="problem">{reasonOf(source.error.value)}</div>}
      {total === 0 ? <Nothing source={source} empty={props.empty} /> : (
        <div class="table-scroll" ref={scroller} tabIndex={0} role="table" aria-rowcount={(total ?? 0) + 1} style={height} onScroll={look} onKeyDown={move}>
          <div class="table-inner" style={{ "--columns": template, minWidth: `${width}px` }}>
            <div class="t-row t-head" role="row">
              {columns.map((one) => <HeadCell key={one.id} column={one} source={source} />)}
            </div>
            <div class="t-body" style={{ height: `${(total ?? 0) * ROW}px` }}>{rows}</div>
          </div>
        </div>
      )}
    </section>
  );
}

function HeadCell<T>({ column, source }: { column: Column<T>; source: Source<T> }) {
  const { by, reverse } = source.sort.value;
  const mine = column.sort !== undefined && column.sort === by;
  const sort = () => {
    if (column.sort === undefined) return;
    // Numbers are looked at from the top; a third click gives the order of the server.
    const first = column.number ?? false;
    if (!mine) source.sort.value = { by: column.sort, reverse: first };
    else if (reverse === first) source.sort.value = { by, reverse: !first };
    else source.sort.value = { by: "", reverse: false };
  };
  const order = mine ? (reverse ? "descending" : "ascending") : "none";
  return (
    <div role="columnheader" class={column.number ? "number" : ""} aria-sort={order} title={column.hint}>
      {column.sort === undefined ? column.title : (
        <button type="button" aria-sort={order} onClick={sort}>
          <span class="clip">{column.title}</span>{mine && <Icon name={reverse ? "down" : "up"} />}
        </button>
      )}
    </div>
  );
}

function Bar<T>(props: Props<T> & { hidden: ReturnType<typeof remembered<Record<string, boolean>>> }) {
  const { source, hidden } = props;
  const typed = useSignal(source.filter.value.text);
  useEffect(() => {
    typed.value = source.filter.value.text;
  }, [source.filter.value.text]);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (typed.value !== source.filter.peek().text) source.filter.value = { ...source.filter.peek(), text: typed.value };
    }, 200);
    return () => clearTimeout(timer);
  }, [typed.value]);
  const said = useComputed(() => {
    const { count: some, all } = source;
    if (some.value === undefined || all.value === undefined) return "";
    return some.value === all.value ? t.rows(count(all.value)) : t.rowsOf(count(some.value), count(all.value));
  });
  const regex = source.filter.value.regex;
  return (
    <div class="table-bar">
      <div class="search">
        <Icon name="search" />
        <input class="input" type="text" placeholder={t.filter} aria-label={t.filter} spellcheck={false} value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && ((typed.value = ""), event.currentTarget.blur())} />
        <kbd>/</kbd>
      </div>
      <Button look={`quiet small mono ${regex ? "on" : ""}`} aria-pressed={regex} title={t.pattern} aria-label={t.pattern}
        onClick={() => (source.filter.value = { ...source.filter.value, regex: !regex })}>.*</Button>
      <span class="faint">{said.value}</span>
      <span class="grow" />
      {props.actions}
      <Menu icon="columns" look="quiet" label={t.columns} stays>
        {props.columns.map((one, i) => i > 0 && (
          <label>
            <input type="checkbox" checked={!(hidden.value[one.id] ?? one.off ?? false)}
              onChange={(event) => (hidden.value = { ...hidden.value, [one.id]: !event.currentTarget.checked })} />
            {one.title}
          </label>
        ))}
        <hr />
        <button type="button" onClick={() => (hidden.value = {})}>{t.resetColumns}</button>
      </Menu>
    </div>
  );
}

function Nothing<T>({ source, empty }: { source: Source<T>; empty: ComponentChildren }) {
  if (source.filter.value.text) {
    return (
      <Empty icon="search" title={t.nothingFound}>
        <Button onClick={() => (source.filter.value = { text: "", regex: false })}>{t.clearFilter}</Button>
      </Empty>
    );
  }
  return <>{empty ?? <Empty><p>{t.nothing}</p></Empty>}</>;
}

/** "/" goes to the filter of the table on the page. */
addEventListener("keydown", (event) => {
  const target = event.target as Element;
  if (event.key !== "/" || event.ctrlKey || event.metaKey || target.matches("input, textarea, select")) return;
  const input = document.querySelector<HTMLInputElement>(".table-bar .search input");
  if (!input || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  input.focus();
});
