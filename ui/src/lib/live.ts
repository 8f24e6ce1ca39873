/** What the server tells by itself. Where it has no event stream, pages ask every few seconds. */
import { signal } from "@preact/signals";

/** Grows when something was made, changed or unmade: lists look again. */
export const changes = signal(0);

/** Say that we changed something ourselves. */
export function changed(): void {
  changes.value++;
}
