/**
 * Words in every language. Each area keeps its own dictionary beside its pages:
 *
 *   export const t = dictionary({ en: { save: "Save" }, zh: { save: "保存" } });
 *   t.save        // in the language that is chosen; components that read it follow a change
 *
 * A key that one language lacks does not compile.
 */
import { computed } from "@preact/signals";
import { remembered } from "./prefs";

export type Language = "en" | "zh";
export const LANGUAGES: Record<Language, string> = { en: "English", zh: "中文" };

// eslint-style looseness is confined here: entries are texts, or functions that make one.
type Words = Record<string, string | ((...values: never[]) => string)>;
type Same<T extends Words> = {
  [K in keyof T]: T[K] extends (...values: infer A) => string ? (...values: A) => string : string;
};

export const language = remembered<Language>("language", preferred());

/** BCP 47, for dates and numbers. */
export const locale = computed(() => (language.value === "zh" ? "zh-CN" : "en-GB"));

/** Say it of the document: readers aloud and the choice of fonts go by it. */
export function followLanguage(): void {
  locale.subscribe((value) => {
    document.documentElement.lang = value;
  });
}

export function dictionary<T extends Words>(words: { en: T; zh: Same<T> }): Same<T> {
  const chosen = {} as Same<T>;
  for (const key of Object.keys(words.en) as (keyof T)[]) {
    Object.defineProperty(chosen, key, {
      enumerable: true,
      get: () => (language.value === "zh" ? words.zh[key] : words.en[key]),
    });
  }
  return chosen;
}

function preferred(): Language {
  return navigator.languages.some((one) => one.startsWith("zh")) &&
    !(navigator.languages[0] ?? "").startsWith("en")
    ? "zh"
    : "en";
}
