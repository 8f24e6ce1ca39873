/** What this browser remembers for its user. Nothing secret, and nothing that must not be lost. */
import { signal, type Signal } from "@preact/signals";

const PREFIX = "anymq.";

/** A signal whose value is there again after a reload. */
export function remembered<T>(name: string, initial: T): Signal<T> {
  const kept = signal<T>(read(name, initial));
  kept.subscribe((value) => write(name, value));
  return kept;
}

export function read<T>(name: string, initial: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? initial : (JSON.parse(text) as T);
  } catch {
    return initial; // storage is off, or holds what somebody else wrote
  }
}

export function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full or off: the page works on, it only forgets.
  }
}
