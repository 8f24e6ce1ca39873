/** Ctrl K: everything that has a name, found by typing a part of it. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { language } from "../../lib/i18n";
import { paletteOpen } from "../../lib/palette";
import { remembered } from "../../lib/prefs";
import { go } from "../../lib/router";
import { logOut } from "../../lib/session";
import { theme } from "../../lib/theme";
import { entries } from "../../shell/registry";
import { Icon, type IconName } from "../../ui/icons";
import { match } from "./match";
import { findNames } from "./names";
import { t } from "./words";
import "./palette.css";

export interface Choice {
  group: string;
  name: string;
  detail?: string;
  icon: IconName;
  href?: string;
  act?: () => void;
}

const TYPING_MS = 140;
const PAGES_MAX = 8;
const RECENT_MAX = 6;
const recent = remembered<{ name: string; detail?: string; icon: IconName; href: string }[]>("recent", []);

paletteOpen.value = false;
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    paletteOpen.value = !paletteOpen.value;
  } else if (event.key === "Escape") paletteOpen.value = false; // the dialog may not be there yet
});

export function Palette() {
  return paletteOpen.value ? <Open /> : null;
}

function Open() {
  const dialog = useRef<HTMLDialogElement>(null);
  const typed = useSignal("");
  const found = useSignal<Choice[]>([]);
  const at = useSignal(0);
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    at.value = 0;
    return ask(typed.value.trim(), found);
  }, [typed.value]);
  const choices = typed.value.trim() === "" ? [...recentOnes(), ...pages("")] : [...pages(typed.value), ...found.value, ...deeds(typed.value)];
  const close = () => (paletteOpen.value = false);
  const take = (choice: Choice | undefined) => {
    if (!choice) return;
    close();
    if (choice.href !== undefined) {
      remember(choice);
      go(choice.href);
    } else choice.act?.();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[event.key];
    if (step !== undefined) at.value = Math.max(0, Math.min(choices.length - 1, at.value + step));
    else if (event.key === "Enter") take(choices[at.value]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} class="palette" aria-label={t.title} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="box" onKeyDown={onKey}>
        <div class="typed">
          <Icon name="search" />
          <input autofocus placeholder={t.hint} aria-label={t.title} spellcheck={false} autocomplete="off" role="combobox" aria-expanded="true" aria-controls="palette-list"
            value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
          <kbd>Esc</kbd>
        </div>
        <div class="list" id="palette-list" role="listbox">
          {choices.length === 0 && <p class="faint none">{t.nothing}</p>}
          {choices.map((choice, i) => (
            <>
              {choice.group !== choices[i - 1]?.group && <h3>{choice.group}</h3>}
              <Line choice={choice} typed={typed.value} chosen={i === at.value} onTake={() => take(choice)} onPoint={() => (at.value = i)} />
            </>
          ))}
        </div>
        <footer><span><kbd>↑</kbd> <kbd>↓</kbd> {t.choose}</span><span><kbd>Enter</kbd> {t.openIt}</span></footer>
      </div>
    </dialog>
  );
}

function Line(props: { choice: Choice; typed: string; chosen: boolean; onTake: () => void; onPoint: () => void }) {
  const { choice, chosen } = props;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (chosen) button.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <button ref={button} type="button" role="option" aria-selected={chosen} tabIndex={-1} onClick={props.onTake} onPointerMove={props.onPoint}>
      <Icon name={choice.icon} />
      <span class="clip"><Marked name={choice.name} at={match(props.typed, choice.name)?.at ?? []} /></span>
      {choice.detail && <span class="faint clip">{choice.detail}</span>}
    </button>
  );
}

function Marked({ name, at }: { name: string; at: number[] }) {
  if (at.length === 0) return <>{name}</>;
  const marked = new Set(at);
  return <>{[...name].map((letter, i) => (marked.has(i) ? <mark>{letter}</mark> : letter))}</>;
}

/** Ask the server when the typing rests; what it says too late is nobody's any more. */
function ask(wanted: string, found: Signal<Choice[]>): () => void {
  if (wanted === "") {
    found.value = [];
    return () => undefined;
  }
  const aborter = new AbortController();
  const timer = setTimeout(() => {
    void findNames(wanted, aborter.signal).then((all) => {
      if (!aborter.signal.aborted) found.value = all;
    });
  }, TYPING_MS);
  return () => {
    clearTimeout(timer);
    aborter.abort();
  };
}

function best(typed: string, choices: Choice[], max: number): Choice[] {
  return choices
    .map((choice) => ({ choice, found: match(typed, choice.name) }))
    .filter((one) => one.found !== undefined)
    .sort((a, b) => (typed.trim() === "" ? 0 : b.found!.score - a.found!.score))
    .slice(0, max)
    .map((one) => one.choice);
}

function pages(typed: string): Choice[] {
  const all = entries
    .filter((one) => one.shown?.() ?? true)
    .map((one): Choice => ({ group: t.pages, name: one.label(), icon: one.icon, href: "#" + one.path }));
  return best(typed, all, typed.trim() === "" ? all.length : PAGES_MAX);
}

function deeds(typed: string): Choice[] {
  const deed = (name: string, icon: IconName, act: () => void): Choice => ({ group: t.doThis, name, icon, act });
  return best(typed, [
    deed(t.dark, "moon", () => (theme.value = "dark")),
    deed(t.light, "sun", () => (theme.value = "light")),
    deed(t.english, "language", () => (language.value = "en")),
    deed(t.chinese, "language", () => (language.value = "zh")),
    deed(t.logOut, "leave", () => void logOut()),
  ], 3);
}

function recentOnes(): Choice[] {
  return recent.value.map((one) => ({ ...one, group: t.recent }));
}

/** Pages are in the sidebar anyway: what was found by its name is remembered. */
function remember(choice: Choice): void {
  if (choice.href === undefined || choice.group === t.pages) return;
  const one = { name: choice.name, icon: choice.icon, href: choice.href, ...(choice.detail !== undefined && { detail: choice.detail }) };
  recent.value = [one, ...recent.value.filter((other) => other.href !== one.href)].slice(0, RECENT_MAX);
}

