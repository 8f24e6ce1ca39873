/** Rows for tables: from the server a page at a time, or a list that is here already. */
import { computed, signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, get, Unreachable, withQuery } from "./api";
import { read, write } from "./prefs";
import { query, setQuery } from "./router";
import { changes } from "./live";
import { useRepeated } from "./resource";
import { follow, isFollowed, unfollow, type Kind, type Name, type Told } from "./shown";

export interface Sort {
  by: string; // the path of a value in a row: "message_stats.publish_details.rate"
  reverse: boolean;
}

export interface Filter {
  text: string;
  regex: boolean;
}

/** What a table shows. Reads in `count`, `all`, `row` are followed by what renders. */
export interface Source<T> {
  count: Signal<number | undefined>; // of those that match
  all: Signal<number | undefined>;
  row: (i: number) => T | undefined; // undefined: not here yet
  show: (first: number, last: number) => void; // these are seen now
  sort: Signal<Sort>;
  filter: Signal<Filter>;
  error: Signal<ApiError | null>;
  refresh: () => Promise<void>;
}

interface Page<T> {
  items: T[];
  filtered_count: number;
  total_count: number;
}

const PAGE = 100;
const PAGES_KEPT = 30; // what was scrolled past long ago is asked for again
const WHOLE_MS = 30_000; // the whole list is looked at, even where the stream tells of its rows
const SETTLE_MS = 70; // who drags the scroll bar through 10,000 rows wants the last place only

export interface Wanted {
  /** Remembers sorting; and the filter, in the address, when it is the main table of a page. */
  id: string;
  sort?: Sort;
  every?: number;
  addressed?: boolean;
  live?: Live;
}

/** How rows of a list are followed by the stream of events. */
export interface Live {
  kind: Kind;
  /** What rows may be sorted by so that numbers that change do not change the order. */
  steady: string[];
}

/** Rows of a list of the API, however long: only those in view are asked for and kept fresh. */
export function usePaged<T>(path: string, wanted: Wanted): Source<T> {
  const source = useMemo(() => new Paged<T>(path, wanted), [path]);
  useRepeated(source.look, wanted.every);
  useRemembered(source, wanted);
  useEffect(() => source.stop, [source]);
  return source;
}

class Paged<T> implements Source<T> {
  count = signal<number | undefined>(undefined);
  all = signal<number | undefined>(undefined);
  error = signal<ApiError | null>(null);
  sort: Signal<Sort>;
  filter: Signal<Filter>;
  private pages = new Map<number, T[]>();
  private version = signal(0);
  private seen = { first: 1, last: 1 }; // pages
  private timer: ReturnType<typeof setTimeout> | undefined;
  private aborter = new AbortController();
  private wish = "";
  private live: Live | undefined;
  private range = { first: 0, last: 0 }; // rows
  private loadedAt = 0;
  private loadedOf = -1; // changes

  constructor(private path: string, wanted: Wanted) {
    this.live = wanted.live;
    this.sort = signal(startSort(wanted));
    this.filter = signal(startFilter(wanted));
  }

  row = (i: number): T | undefined => {
    this.version.value;
    return this.at(i);
  };

  private at(i: number): T | undefined {
    return this.pages.get(Math.floor(i / PAGE) + 1)?.[i % PAGE];
  }

  show = (first: number, last: number): void => {
    this.seen = { first: Math.floor(first / PAGE) + 1, last: Math.floor(last / PAGE) + 1 };
    this.range = { first, last };
    this.follow();
    const missing = this.numbers().some((one) => !this.pages.has(one));
    if (!missing) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(false), SETTLE_MS);
  };

  refresh = (): Promise<void> => this.load(true);

  /** Time has passed, or something changed: ask, unless the stream tells all that may have changed. */
  look = async (): Promise<void> => {
    const told = this.isSteady() && isFollowed(this) && this.loadedOf === changes.peek() && Date.now() - this.loadedAt < WHOLE_MS;
    if (!told) await this.refresh();
  };

  stop = (): void => {
    unfollow(this);
    clearTimeout(this.timer);
    this.aborter.abort();
  };

  private isSteady(): boolean {
    return this.live?.steady.includes(this.sort.peek().by) ?? false;
  }

  /** Have the stream tell of the rows in view. */
  private follow(): void {
    if (!this.live) return;
    if (!this.isSteady()) return unfollow(this);
    const names: Name[] = [];
    for (let i = this.range.first; i <= this.range.last; i++) {
      const row = this.at(i) as Name | undefined;
      if (row) names.push(row);
    }
    follow(this, { kind: this.live.kind, names, tell: this.tell });
  }

  private tell = (told: Told): void => {
    const newer = new Map(told.rows.map((row) => [row.name, row]));
    const changed = (row: T): T => {
      const { name, vhost } = row as Name;
      const delta = told.vhost === undefined || told.vhost === vhost ? newer.get(name) : undefined;
      return delta ? { ...row, ...delta } : row;
    };
    for (const [number, rows] of this.pages) this.pages.set(number, rows.map(changed));
    this.version.value++;
    if (told.gone.length > 0) void this.refresh();
  };

  private numbers(): number[] {
    return Array.from({ length: this.seen.last - this.seen.first + 1 }, (_, i) => this.seen.first + i);
  }

  private async load(again: boolean): Promise<void> {
    const wish = JSON.stringify([this.sort.peek(), this.filter.peek()]);
    if (wish !== this.wish) {
      this.wish = wish;
      this.aborter.abort();
      this.pages.clear();
      this.seen = { first: 1, last: 1 };
    }
    if (this.aborter.signal.aborted) this.aborter = new AbortController();
    if (again) [this.loadedAt, this.loadedOf] = [Date.now(), changes.peek()];
    for (const number of this.numbers()) {
      if (again || !this.pages.has(number)) await this.loadPage(number);
    }
  }

  private async loadPage(number: number): Promise<void> {
    const { signal: aborted } = this.aborter;
    try {
      const said = await get<Page<T>>(this.address(number), aborted);
      if (aborted.aborted) return;
      this.keep(number, said);
      this.error.value = null;
    } catch (failure) {
      if (failure instanceof ApiError && failure.error === "page_out_of_range") this.shrink();
      else if (failure instanceof ApiError) this.error.value = failure;
      else if (!(failure instanceof Unreachable || aborted.aborted)) throw failure;
    }
  }

  private address(number: number): string {
    const { by, reverse } = this.sort.peek();
    const { text, regex } = this.filter.peek();
    return withQuery(this.path, {
      page: number, page_size: PAGE, pagination: true, sort: by, sort_reverse: reverse, name: text, use_regex: regex && text !== "",
    });
  }

  private keep(number: number, said: Page<T>): void {
    this.pages.delete(number); // the newest come last
    this.pages.set(number, said.items);
    for (const old of this.pages.keys()) {
      if (this.pages.size <= PAGES_KEPT) break;
      this.pages.delete(old);
    }
    this.count.value = said.filtered_count;
    this.all.value = said.total_count;
    this.version.value++;
    this.follow();
  }

  /** There are fewer than a moment ago. */
  private shrink(): void {
    this.pages.clear();
    this.seen = { first: 1, last: 1 };
    this.version.value++;
    void this.loadPage(1);
  }
}

/** Rows that are here: sorted and filtered in the browser. */
export function useLocal<T>(rows: T[] | undefined, wanted: Wanted & { name?: (row: T) => string; error?: ApiError | null }): Source<T> {
  const given = useMemo(() => signal<T[] | undefined>(rows), []);
  given.value = rows;
  const error = useMemo(() => signal<ApiError | null>(null), []);
  error.value = wanted.error ?? null;
  const source = useMemo(() => {
    const sort = signal(startSort(wanted));
    const filter = signal(startFilter(wanted));
    const name = wanted.name ?? ((row: T) => String((row as { name?: unknown }).name ?? ""));
    const shown = computed(() => sorted(matching(given.value ?? [], filter.value, name), sort.value));
    return {
      count: computed(() => (given.value ? shown.value.length : undefined)),
      all: computed(() => given.value?.length),
      row: (i: number) => shown.value[i],
      show: () => undefined,
      sort,
      filter,
      error,
      refresh: async () => undefined,
    } satisfies Source<T>;
  }, []);
  useRemembered(source, wanted);
  return source;
}

export function valueAt(row: unknown, path: string): unknown {
  let value: unknown = row;
  for (const part of path.split(".")) {
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

function sorted<T>(rows: T[], { by, reverse }: Sort): T[] {
  if (!by) return rows;
  const sign = reverse ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(valueAt(a, by), valueAt(b, by)));
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a === undefined || a === null) return b === undefined || b === null ? 0 : -1;
  if (b === undefined || b === null) return 1;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function matching<T>(rows: T[], { text, regex }: Filter, name: (row: T) => string): T[] {
  if (!text) return rows;
  if (!regex) return rows.filter((row) => name(row).toLowerCase().includes(text.toLowerCase()));
  try {
    const pattern = new RegExp(text, "i");
    return rows.filter((row) => pattern.test(name(row)));
  } catch {
    return [];
  }
}

function startSort({ id, sort }: Wanted): Sort {
  return read(`sort.${id}`, sort ?? { by: "", reverse: false });
}

function startFilter({ addressed }: Wanted): Filter {
  const said = query.peek();
  return addressed ? { text: said.get("name") ?? "", regex: said.has("regex") } : { text: "", regex: false };
}

function useRemembered<T>(source: Source<T>, { id, addressed }: Wanted): void {
  const { sort, filter } = source;
  useEffect(() => {
    let first = true;
    return sort.subscribe((value) => {
      if (!first) {
        write(`sort.${id}`, value);
        void source.refresh();
      }
      first = false;
    });
  }, [source]);
  useEffect(() => {
    if (!addressed) return;
    return query.subscribe(() => { // a link to this page with another filter
      const said = startFilter({ id, addressed });
      if (said.text !== filter.peek().text || said.regex !== filter.peek().regex) filter.value = said;
    });
  }, [source]);
  useEffect(() => {
    let first = true;
    return filter.subscribe((value) => {
      if (!first) {
        if (addressed) {
          setQuery("name", value.text);
          setQuery("regex", value.regex ? "1" : "");
        }
        void source.refresh();
      }
      first = false;
    });
  }, [source]);
}
