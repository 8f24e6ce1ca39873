/** Is the palette of commands open? `null`: there is none. The area that brings one sets it. */
import { signal } from "@preact/signals";

export const paletteOpen = signal<boolean | null>(null);
