/** Figures over time. What the server does not remember, this page does while it is open. */
import { signal, type Signal } from "@preact/signals";

export interface History {
  times: number[]; // seconds
  values: Record<string, (number | null)[]>;
}

const POINTS_MAX = 600;
const KEPT_MAX = 40; // things, of which the one not seen for longest is forgotten
const kept = new Map<string, Signal<History>>();

/** Remember figures of a thing, as they are now. */
export function note(thing: string, figures: Record<string, number | undefined>, now = Date.now()): void {
  const history = historyOf(thing);
  const { times, values } = history.peek();
  const length = times.length;
  if (length && now / 1000 - (times[length - 1] ?? 0) < 0.9) return;
  const from = Math.max(0, length + 1 - POINTS_MAX);
  const next: History = { times: [...times.slice(from), now / 1000], values: {} };
  for (const name of new Set([...Object.keys(values), ...Object.keys(figures)])) {
    const before = values[name] ?? Array<null>(length).fill(null);
    next.values[name] = [...before.slice(from), figures[name] ?? null];
  }
  history.value = next;
}

export function historyOf(thing: string): Signal<History> {
  const found = kept.get(thing) ?? signal<History>({ times: [], values: {} });
  kept.delete(thing);
  kept.set(thing, found);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  return found;
}
