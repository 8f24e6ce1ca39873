/** Short news in the corner: done, or why not. */
import { signal } from "@preact/signals";
import { ApiError, Unreachable } from "../lib/api";
import { Button } from "./bits";
import { t } from "./words";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const SHOWN_MS = 4000;
const BAD_SHOWN_MS = 12_000;
const TOASTS_MAX = 4;
const toasts = signal<Toast[]>([]);
let last = 0;

export function say(text: string, bad = false): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(1 - TOASTS_MAX), { id, text, bad }];
  setTimeout(() => dismiss(id), bad ? BAD_SHOWN_MS : SHOWN_MS);
}

/** Say what went wrong, in the server's words where it has any. */
export function complain(error: unknown): void {
  say(reasonOf(error), true);
}

export function reasonOf(error: unknown): string {
  if (error instanceof Unreachable) return t.unreachable;
  if (error instanceof ApiError) {
    if (error.status === 401) return t.forbidden; // its reason is one word for programs
    if (error.reason) return error.reason;
    if (error.status === 403) return t.forbidden;
    if (error.status === 404) return t.notFound;
    return `${error.status} ${error.error}`;
  }
  return error instanceof Error ? error.message : String(error);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={`toast ${one.bad ? "bad" : ""}`} role={one.bad ? "alert" : "status"}>
          <span>{one.text}</span>
          <Button icon="x" look="quiet small" aria-label={t.close} onClick={() => dismiss(one.id)} />
        </div>
      ))}
    </div>
  );
}
