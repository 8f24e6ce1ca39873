/** Lines over time. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, short } from "../lib/format";
import { locale } from "../lib/i18n";
import { rangeSeconds } from "../lib/samples";
import { shownTheme } from "../lib/theme";
import { t } from "./words";

export interface Line {
  label: string;
  tone: string; // "--series-1"
  values: (number | null)[];
}

/** Lines, with a legend that says the last values, or those under the mouse; a click hides one. */
export function Chart({ times, lines, format = short, height = 170, fill = false, whole = false, label }: {
  times: number[]; // seconds
  lines: Line[];
  format?: (value: number | null | undefined) => string;
  height?: number;
  fill?: boolean;
  whole?: boolean; // there are no halves of it
  label: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const at = useSignal<number | null>(null);
  const hidden = useSignal<Record<string, boolean>>({});
  const names = lines.map((one) => one.label).join("\n");
  const data = useMemo<uPlot.AlignedData>(() => [times, ...lines.map((one) => one.values)], [times, lines]);

  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const made = new uPlot(options(lines, hidden.value, format, box.clientWidth, height, fill, whole, (i) => (at.value = i)), data, box);
    plot.current = made;
    const watch = new ResizeObserver(() => box.clientWidth > 0 && made.setSize({ width: box.clientWidth, height }));
    watch.observe(box);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, height, shownTheme.value, locale.value, hidden.value, rangeSeconds.value]);
  useEffect(() => plot.current?.setData(data), [data]);

  const shown = at.value !== null && at.value < times.length ? at.value : times.length - 1;
  return (
    <figure class="chart" style={{ "--height": `${height + 28}px` }} role="img" aria-label={label}>
      <div class="legend">
        {lines.map((one) => (
          <button type="button" aria-pressed={!hidden.value[one.label]} style={{ "--tone": `var(${one.tone})` }}
            onClick={() => (hidden.value = { ...hidden.value, [one.label]: !hidden.value[one.label] })}>
            <i />{one.label} <b>{format(one.values[shown])}</b>
          </button>
        ))}
      </div>
      <div ref={place} />
      {times.length < 2 && <div class="waiting">{t.collecting}</div>}
    </figure>
  );
}

const SPAN_LEAST_S = 60;

/** What is known of the range that is chosen; a minute at least. */
function span(min: number, max: number): [number, number] {
  const end = max || Date.now() / 1000;
  return [Math.min(Math.max(min || end, end - rangeSeconds.peek()), end - SPAN_LEAST_S), end];
}

const WHOLE_STEPS = Array.from({ length: 13 }, (_, i) => [1, 2, 5].map((one) => one * 10 ** i)).flat();

function options(lines: Line[], hidden: Record<string, boolean>, format: (value: number | null | undefined) => string,
  width: number, height: number, fill: boolean, whole: boolean, onCursor: (i: number | null) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = `11px ${colour("--font")}`;
  const axis = { stroke: colour("--faint"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 26, 0, 0],
    cursor: { points: { size: 6 }, drag: { x: true, y: false }, sync: { key: "time" } },
    legend: { show: false },
    scales: {
      x: { time: true, range: (_, min, max) => span(min, max) },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.12 : whole ? 4 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 70, values: (_, splits, __, ___, step) => splits.map((one) => clock(one, step % 60 !== 0)) },
      { ...axis, size: 68, space: 36, ...(whole && { incrs: WHOLE_STEPS }), values: (_, splits) => splits.map((one) => (one === 0 ? "0" : format(one))) },
    ],
    series: [
      {},
      ...lines.map((one) => ({
        label: one.label,
        show: !hidden[one.label],
        stroke: colour(one.tone),
        width: 1.6,
        points: { show: false },
        ...(fill && { fill: colour(one.tone) + "1f" }),
      })),
    ],
    hooks: { setCursor: [(made) => onCursor(made.cursor.idx ?? null)] },
  };
}
