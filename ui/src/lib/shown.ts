/**
 * Rows that tables show, followed by the stream of events: the server tells what changed of them, so
 * that nobody has to ask for a list of ten thousand to see sixty of its rows.
 */
import { effect } from "@preact/signals";
import { send, Unreachable } from "./api";
import { isHeard, onRows, stream } from "./live";

/** Kinds whose rows cost the server less than the list; clients of 2,000 connections do not. */
export type Kind = "queues" | "topics" | "groups";

export interface Name {
  name: string;
  vhost?: string; // of queues
}

export interface Told {
  kind: string;
  vhost?: string;
  rows: ({ name: string } & Record<string, unknown>)[];
  gone: string[];
}

interface Wish {
  kind: Kind;
  names: Name[];
  tell: (told: Told) => void;
}

const NAMES_MAX = 500; // of all tables together, says the server
const VHOSTS_MAX = 32;
const SETTLE_MS = 150; // who scrolls wishes for something else at each step

const wishes = new Map<object, Wish>();
let said = ""; // what the server has been told, and took
let timer: ReturnType<typeof setTimeout> | undefined;

/** From now on, tell of these rows; what was wished for before is forgotten. */
export function follow(who: object, wish: Wish): void {
  wishes.set(who, wish);
  soon();
}

export function unfollow(who: object): void {
  if (wishes.delete(who)) soon();
}

/** Is the server telling of all that is wished for now? */
export function isFollowed(who: object): boolean {
  return isHeard() && wishes.has(who) && said !== "" && said === asked();
}

function asked(): string {
  return stream.peek() + JSON.stringify(entries());
}

function entries(): { kind: Kind; vhost?: string; names: string[] }[] {
  const found = new Map<string, { kind: Kind; vhost?: string; names: string[] }>();
  for (const { kind, names } of wishes.values()) {
    for (const { name, vhost } of names) {
      const key = `${kind} ${vhost ?? ""}`;
      const one = found.get(key) ?? { kind, ...(vhost !== undefined && { vhost }), names: [] };
      one.names.push(name);
      found.set(key, one);
    }
  }
  return [...found.values()];
}

function soon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void tellServer(), SETTLE_MS);
}

async function tellServer(): Promise<void> {
  const now = asked();
  const rows = entries();
  const few = rows.length <= VHOSTS_MAX && rows.reduce((sum, one) => sum + one.names.length, 0) <= NAMES_MAX;
  if (!stream.peek() || now === said || !few) return;
  try {
    const answer = await send("PUT", `api/events/${encodeURIComponent(stream.peek())}`, { rows });
    said = answer.ok ? now : ""; // refused: tables go on asking
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    said = "";
  }
}

onRows((told) => {
  for (const wish of wishes.values()) if (wish.kind === told.kind) wish.tell(told);
});

effect(() => {
  stream.value; // another stream knows nothing of what was wished for
  said = "";
  if (stream.value && wishes.size > 0) soon();
});
