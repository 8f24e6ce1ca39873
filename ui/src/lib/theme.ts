/** Light, dark, or what the system says. */
import { effect } from "@preact/signals";
import { signal } from "@preact/signals";
import { remembered } from "./prefs";

export type Theme = "auto" | "light" | "dark";
export const theme = remembered<Theme>("theme", "auto");

const dark = matchMedia("(prefers-color-scheme: dark)");
/** What is shown now: charts draw with colours of their own. */
export const shownTheme = signal<"light" | "dark">("light");

function apply(): void {
  const shown = theme.value === "auto" ? (dark.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset["theme"] = shown;
  shownTheme.value = shown;
}

export function followTheme(): void {
  effect(apply);
  dark.addEventListener("change", apply);
}
