/** The server's memory of figures: samples beside numbers, as RabbitMQ's API has them. */
import { computed } from "@preact/signals";
import { withQuery } from "./api";
import { historyOf, note, type History } from "./history";
import { remembered } from "./prefs";

export interface Details {
  rate: number;
  samples?: { timestamp: number; sample: number }[]; // newest first
}

export type Range = "1m" | "10m" | "1h" | "8h" | "1d";

/** How far back, and how far apart: no finer than what is kept. */
const STEPS: Record<Range, [age: number, step: number]> = {
  "1m": [60, 5], "10m": [600, 5], "1h": [3600, 60], "8h": [28_800, 600], "1d": [86_400, 600],
};

export const range = remembered<Range>("range", "10m");
export const rangeSeconds = computed(() => STEPS[range.value][0]);

/** Ask for samples, too. */
export function withSamples(path: string): string {
  const [age, step] = STEPS[range.value];
  return withQuery(path, {
    lengths_age: age, lengths_incr: step, msg_rates_age: age, msg_rates_incr: step, data_rates_age: age, data_rates_incr: step,
  });
}

type Told = Record<string, unknown> | undefined;

function detailsOf(told: Told, name: string): Details | undefined {
  return told?.[`${name}_details`] as Details | undefined;
}

export function rateOf(told: Told, name: string): number | undefined {
  return detailsOf(told, name)?.rate;
}

/**
 * Numbers over time: `lengths` as they were, `counts` as rates. From the server's samples where it
 * sends them; else from what this page has seen itself.
 */
export function historyFrom(thing: string, lengths: [Told, string[]], counts: [Told, string[]]): History {
  const sampled = [...lengths[1].map((name) => detailsOf(lengths[0], name)), ...counts[1].map((name) => detailsOf(counts[0], name))];
  const longest = sampled.reduce<Details | undefined>((a, b) => ((b?.samples?.length ?? 0) > (a?.samples?.length ?? 0) ? b : a), undefined);
  if ((longest?.samples?.length ?? 0) < 2) return noted(thing, lengths, counts);
  const times = longest!.samples!.map((one) => one.timestamp).reverse();
  const values: History["values"] = {};
  for (const name of lengths[1]) values[name] = levels(detailsOf(lengths[0], name), times);
  for (const name of counts[1]) values[name] = slopes(detailsOf(counts[0], name), times);
  return { times: times.map((ms) => ms / 1000), values };
}

function noted(thing: string, lengths: [Told, string[]], counts: [Told, string[]]): History {
  const figures: Record<string, number | undefined> = {};
  for (const name of lengths[1]) figures[name] = lengths[0]?.[name] as number | undefined;
  for (const name of counts[1]) figures[name] = rateOf(counts[0], name);
  if (lengths[0] || counts[0]) note(thing, figures);
  return historyOf(thing).peek();
}

function levels(details: Details | undefined, times: number[]): (number | null)[] {
  const at = new Map(details?.samples?.map((one) => [one.timestamp, one.sample]));
  return times.map((time) => at.get(time) ?? null);
}

function slopes(details: Details | undefined, times: number[]): (number | null)[] {
  const known = levels(details, times);
  return times.map((time, i) => {
    const [now, before, then] = [known[i], known[i - 1], times[i - 1]];
    if (now === null || now === undefined || before === null || before === undefined || then === undefined) return null;
    return Math.max(0, (now - before) / ((time - then) / 1000)); // a counter that starts anew is no negative rate
  });
}
