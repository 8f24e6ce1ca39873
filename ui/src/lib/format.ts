/** Numbers, sizes and times as people read them. */
import { dictionary, locale } from "./i18n";

const t = dictionary({
  en: {
    now: "now",
    days: (d: number, h: number) => (h ? `${d} d ${h} h` : `${d} d`),
    hours: (h: number, m: number) => (m ? `${h} h ${m} min` : `${h} h`),
    minutes: (m: number, s: number) => `${m} min ${s} s`,
    seconds: (s: string) => `${s} s`,
  },
  zh: {
    now: "刚刚",
    days: (d: number, h: number) => (h ? `${d} 天 ${h} 小时` : `${d} 天`),
    hours: (h: number, m: number) => (m ? `${h} 小时 ${m} 分` : `${h} 小时`),
    minutes: (m: number, s: number) => `${m} 分 ${s} 秒`,
    seconds: (s: string) => `${s} 秒`,
  },
});

export const NONE = "–";

/** 1234567 → 1,234,567 */
export function count(value: number | undefined | null): string {
  return value === undefined || value === null ? NONE : value.toLocaleString(locale.value);
}

/** 1234567 → 1.23 M: where room is short. */
export function short(value: number | undefined | null): string {
  if (value === undefined || value === null) return NONE;
  if (Math.abs(value) < 10_000) return count(Math.round(value));
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (Math.abs(value) >= size) return `${digits(value / size)} ${unit}`;
  }
  return String(value);
}

/** Per second. Nothing moving is a quiet dash, so that what moves is seen. */
export function rate(value: number | undefined | null): string {
  if (!value) return NONE;
  if (Math.abs(value) < 0.1) return "<0.1/s";
  return `${Math.abs(value) < 10 ? value.toFixed(1) : short(Math.round(value))}/s`;
}

export function bytes(value: number | undefined | null): string {
  if (value === undefined || value === null) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit ? digits(size) : Math.round(size)} ${units[unit]}`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}

export function duration(ms: number | undefined | null): string {
  if (ms === undefined || ms === null) return NONE;
  const s = Math.floor(ms / 1000);
  if (s >= 86_400) return t.days(Math.floor(s / 86_400), Math.floor((s % 86_400) / 3600));
  if (s >= 3600) return t.hours(Math.floor(s / 3600), Math.floor((s % 3600) / 60));
  if (s >= 60) return t.minutes(Math.floor(s / 60), s % 60);
  return t.seconds(ms < 10_000 ? (ms / 1000).toFixed(1) : String(s));
}

export function when(ms: number | undefined | null): string {
  if (!ms) return NONE;
  return new Date(ms).toLocaleString(locale.value, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}

/** How long ago. */
export function ago(ms: number | undefined | null): string {
  if (!ms) return NONE;
  const passed = Date.now() - ms;
  return passed < 1000 ? t.now : duration(passed);
}

/** What a chart's axis says. */
export function clock(s: number, withSeconds: boolean): string {
  return new Date(s * 1000).toLocaleTimeString(locale.value, {
    hour: "2-digit", minute: "2-digit", ...(withSeconds && { second: "2-digit" }), hour12: false,
  });
}
