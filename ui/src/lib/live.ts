/**
 * What the server tells by itself, over one stream of events. Where there is none (an old server, a
 * proxy that holds it back), pages ask every few seconds as they do anyway: nothing is lost but
 * promptness.
 */
import { effect, signal } from "@preact/signals";
import { connected } from "./api";
import { me } from "./session";
import type { Told } from "./shown";

/** Grows when something was made, changed or unmade: lists look again. */
export const changes = signal(0);

/** What publishers wait for: memory, disk. */
export const alarms = signal<string[]>([]);

export interface Overview {
  object_totals: Partial<Record<"connections" | "channels" | "exchanges" | "queues" | "consumers" | "topics" | "groups", number>>;
  queue_totals: Record<string, unknown>;
  message_stats?: Record<string, unknown>; // not for everybody
  data_stats?: Record<string, unknown>;
}

/** The newest `overview` of the stream; null while there is no stream. */
export const overview = signal<Overview | null>(null);

/** How many there are of something, for the sidebar. */
export function total(of: keyof Overview["object_totals"]): number | undefined {
  return overview.value?.object_totals[of];
}

/** How the server knows our stream; empty while there is none. */
export const stream = signal("");

const SILENT_MS = 5_000; // an overview comes each second: what says nothing so long is held back, or lost
let heardAt = 0;

/** Does the stream tell? */
export function isHeard(): boolean {
  return stream.peek() !== "" && Date.now() - heardAt < SILENT_MS;
}

/** Say what to do with what is told of rows. */
export function onRows(tell: (told: Told) => void): void {
  rowsTold = tell;
}

let rowsTold: (told: Told) => void = () => undefined;

const TOPICS = "overview,rows,changes,alarms";
const GATHER_MS = 400; // many changes at once are one
const APART_MS = 2_000; // where something changes all the time, lists are not asked for all the time
const RETRY_MS = 15_000;
let source: EventSource | null = null;
let changedAt = 0;
let gathering: ReturnType<typeof setTimeout> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Say that we changed something ourselves. */
export function changed(): void {
  changes.value++;
}

function soonChanged(): void {
  const wait = Math.max(GATHER_MS, changedAt + APART_MS - Date.now());
  gathering ??= setTimeout(() => {
    gathering = undefined;
    changedAt = Date.now();
    changed();
  }, wait);
}

function open(): void {
  close();
  const opened = new EventSource(`api/events?topics=${TOPICS}`);
  source = opened;
  opened.addEventListener("hello", (event) => (stream.value = (read(event) as { stream?: string } | null)?.stream ?? ""));
  opened.addEventListener("rows", (event) => {
    const told = read(event) as Told | null;
    if (told) rowsTold(told);
  });
  opened.addEventListener("changes", soonChanged);
  opened.addEventListener("resync", soonChanged);
  opened.addEventListener("overview", (event) => {
    heardAt = Date.now();
    overview.value = read(event) as Overview | null;
  });
  opened.addEventListener("alarms", (event) => {
    alarms.value = (read(event) as { alarms?: string[] } | null)?.alarms ?? [];
  });
  opened.addEventListener("open", () => {
    if (!connected.peek()) soonChanged();
  });
  opened.addEventListener("error", () => {
    if (stream.peek()) soonChanged(); // is the server gone? Who asks will know
    overview.value = null;
    stream.value = "";
    if (opened.readyState !== EventSource.CLOSED) return; // it connects again by itself
    retry = setTimeout(follow, RETRY_MS);
  });
}

function close(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
  stream.value = "";
  overview.value = null;
}

function follow(): void {
  if (me.peek() && !document.hidden) open();
  else close();
}

function read(event: Event): unknown {
  try {
    return JSON.parse((event as MessageEvent<string>).data);
  } catch {
    return null;
  }
}

/** Follow the stream while somebody is logged in and looks. */
export function followEvents(): void {
  let name = "";
  effect(() => {
    const now = me.value?.name ?? "";
    if (now !== name) {
      name = now;
      follow();
    }
  });
  document.addEventListener("visibilitychange", follow);
  // What the network says of itself may not hold for this server: ask it.
  for (const said of ["online", "offline"]) addEventListener(said, changed);
}
