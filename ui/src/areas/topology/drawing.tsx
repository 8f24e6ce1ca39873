/** The drawing: boxes and lines, moved and scaled. It knows nothing of where they come from. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { short, rate } from "../../lib/format";
import { Button } from "../../ui/bits";
import type { Graph, GraphEdge, GraphNode } from "./graph";
import { curve, layOut, type Layout } from "./layout";
import { ratesOfEdges, STILL, thickness, type Flow } from "./rates";
import { fitted, moved, zoomed, type View } from "./view";
import { t } from "./words";

const WIDTH = 196;
const PANEL = 324; // what is said of the chosen box lies over the right side
const HEIGHT = { exchange: 46, queue: 46, stream: 46, topic: 46, more: 30 } as const;

interface Props {
  graph: Graph;
  flow: Map<string, Flow>;
  chosen: string | undefined;
  onChoose: (id: string | undefined) => void;
}

export function Drawing({ graph, flow, chosen, onChoose }: Props) {
  const shape = graph.nodes.map((n) => n.id).join("\n") + graph.edges.map((e) => `${e.from}>${e.to}`).join("\n");
  const layout = useMemo(() => layOut(graph.nodes.map(boxOf), graph.edges), [shape]);
  const window = useRef<SVGSVGElement>(null);
  const view = useSignal<View>({ x: 0, y: 0, scale: 1 });
  const fit = () => {
    const size = window.current?.getBoundingClientRect();
    if (!size) return;
    const panel = chosen !== undefined && size.width > 3 * PANEL ? PANEL : 0;
    view.value = fitted(layout, { width: size.width - panel, height: size.height });
  };
  useEffect(fit, [layout]);
  useHands(window, (next) => (view.value = next(view.value)), fit);
  const rates = useMemo(() => ratesOfEdges(graph, flow), [graph, flow]);
  const degrees = useMemo(() => degreesOf(graph), [graph]);
  const near = useMemo(() => besides(graph, chosen), [graph, chosen]);
  const { x, y, scale } = view.value;
  return (
    <div class="drawing">
      <svg ref={window} tabIndex={0} role="group" aria-label={t.title} onClick={() => onChoose(undefined)}>
        <Heads />
        <g transform={`scale(${scale}) translate(${-x} ${-y})`}>
          {graph.edges.map((edge, i) => (
            <Line key={`${edge.from}>${edge.to}>${edge.kind}`} edge={edge} points={layout.lines[i] ?? []} rate={rates[i] ?? 0}
              look={near === undefined ? "" : edge.from === chosen || edge.to === chosen ? "near" : "far"} labelled={graph.edges.length <= LABELS_MAX}
              atStart={(degrees.in.get(edge.to) ?? 0) > (degrees.out.get(edge.from) ?? 0)} />
          ))}
          {graph.nodes.map((node) => (
            <Box key={node.id} node={node} flow={flow.get(node.id) ?? STILL} layout={layout} chosen={node.id === chosen}
              far={near !== undefined && !near.has(node.id)} onChoose={onChoose} />
          ))}
        </g>
      </svg>
      <div class="zoom">
        <Button icon="plus" aria-label={t.closer} title={t.closer} onClick={() => zoomMiddle(window.current, view, 1.3)} />
        <Button icon="minus" aria-label={t.farther} title={t.farther} onClick={() => zoomMiddle(window.current, view, 1 / 1.3)} />
        <Button icon="fit" aria-label={t.fit} title={t.fit} onClick={fit} />
      </div>
    </div>
  );
}

const LABELS_MAX = 40; // more is a carpet: then only those of the chosen box

function degreesOf(graph: Graph): { in: Map<string, number>; out: Map<string, number> } {
  const degrees = { in: new Map<string, number>(), out: new Map<string, number>() };
  for (const edge of graph.edges) {
    degrees.in.set(edge.to, (degrees.in.get(edge.to) ?? 0) + 1);
    degrees.out.set(edge.from, (degrees.out.get(edge.from) ?? 0) + 1);
  }
  return degrees;
}

function boxOf(node: GraphNode) {
  return { id: node.id, width: node.kind === "more" ? 110 : WIDTH, height: HEIGHT[node.kind] };
}

function besides(graph: Graph, chosen: string | undefined): Set<string> | undefined {
  if (chosen === undefined) return undefined;
  const touching = graph.edges.filter((edge) => edge.from === chosen || edge.to === chosen);
  return new Set([chosen, ...touching.flatMap((edge) => [edge.from, edge.to])]);
}

function zoomMiddle(element: Element | null, view: { value: View }, factor: number): void {
  const size = element?.getBoundingClientRect();
  if (size) view.value = zoomed(view.value, factor, { x: size.width / 2, y: size.height / 2 });
}

/** Dragging, the wheel, and keys: arrows, plus, minus and 0. */
function useHands(element: { current: SVGSVGElement | null }, change: (by: (view: View) => View) => void, fit: () => void): void {
  const fitNow = useRef(fit);
  fitNow.current = fit;
  useEffect(() => {
    const svg = element.current;
    if (!svg) return;
    const stop = new AbortController();
    const on = <K extends keyof SVGSVGElementEventMap>(name: K, act: (event: SVGSVGElementEventMap[K]) => void) =>
      svg.addEventListener(name, act, { signal: stop.signal, passive: false });
    on("wheel", (event) => {
      event.preventDefault();
      const size = svg.getBoundingClientRect();
      const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016));
      change((view) => zoomed(view, factor, { x: event.clientX - size.left, y: event.clientY - size.top }));
    });
    dragging(svg, on, change);
    on("keydown", (event) => {
      const step: Record<string, [number, number]> = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
      const by = step[event.key];
      const size = svg.getBoundingClientRect();
      const middle = { x: size.width / 2, y: size.height / 2 };
      if (by) change((view) => moved(view, { x: by[0], y: by[1] }));
      else if (event.key === "+" || event.key === "=") change((view) => zoomed(view, 1.25, middle));
      else if (event.key === "-") change((view) => zoomed(view, 0.8, middle));
      else if (event.key === "0") fitNow.current();
      else return;
      event.preventDefault();
    });
    return () => stop.abort();
  }, []);
}

type On = <K extends keyof SVGSVGElementEventMap>(name: K, act: (event: SVGSVGElementEventMap[K]) => void) => void;
const CLICK_MOVES_MAX = 4; // a hand that clicks is not quite still

function dragging(svg: SVGSVGElement, on: On, change: (by: (view: View) => View) => void): void {
  let last: { x: number; y: number } | undefined;
  let gone = 0;
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    last = { x: event.clientX, y: event.clientY };
    gone = 0;
  });
  on("pointermove", (event) => {
    if (last === undefined) return;
    const by = { x: event.clientX - last.x, y: event.clientY - last.y };
    gone += Math.abs(by.x) + Math.abs(by.y);
    last = { x: event.clientX, y: event.clientY };
    if (gone > CLICK_MOVES_MAX && !svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
    change((view) => moved(view, by));
  });
  const end = () => (last = undefined);
  on("pointerup", end);
  on("pointercancel", end);
  svg.addEventListener("click", (event) => gone > CLICK_MOVES_MAX && event.stopImmediatePropagation(), { capture: true });
}

/** Arrow heads, one for each colour that a line may have. */
function Heads() {
  return (
    <defs>
      {["still", "moving", "near", "dead"].map((look) => (
        <marker id={`head-${look}`} key={look} class={`head ${look}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
          orient="auto" markerUnits="userSpaceOnUse">
          <path d="M0 0.8 7.5 4 0 7.200z" />
        </marker>
      ))}
    </defs>
  );
}

function Line(props: { edge: GraphEdge; points: { x: number; y: number }[]; rate: number; look: string; labelled: boolean; atStart: boolean }) {
  const { edge, points, look } = props;
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return null;
  const head = edge.kind !== "binding" ? "dead" : look === "near" ? "near" : props.rate > 0 ? "moving" : "still";
  const label = labelOf(edge);
  const path = curve(points);
  return (
    <g class={`line ${edge.kind} ${look} ${props.rate > 0 ? "moving" : ""}`}>
      <title>{`${edge.from.slice(2)} → ${edge.to.slice(2)}\n${edge.keys.slice(0, 20).join("\n")}`}</title>
      <path class="wide" d={path} />
      <path class="shown" d={path} stroke-width={thickness(props.rate)} marker-end={`url(#head-${head})`} />
      {props.rate > 0 && <path class="flow" d={path} />}
      {label && (props.labelled || look === "near") && look !== "far" && (
        // At the end that it has for itself: many lines leave an exchange at one point, and arrive one by one.
        props.atStart ? <text x={first.x + 8} y={first.y - 6}>{label}</text> : <text class="at-end" x={last.x - 12} y={last.y - 6}>{label}</text>
      )}
    </g>
  );
}

const LABEL_CHARS_MAX = 22;

function labelOf(edge: GraphEdge): string {
  const [key = "", ...others] = edge.keys;
  if (edge.kind !== "binding") return t[edge.kind];
  const text = key.length > LABEL_CHARS_MAX ? `${key.slice(0, LABEL_CHARS_MAX - 1)}…` : key;
  return others.length ? `${text || "∅"} +${others.length}` : text;
}

function Box(props: { node: GraphNode; flow: Flow; layout: Layout; chosen: boolean; far: boolean; onChoose: (id: string) => void }) {
  const { node, flow, chosen } = props;
  const place = props.layout.places.get(node.id);
  if (!place) return null;
  const choose = (event: Event) => {
    event.stopPropagation();
    props.onChoose(node.id);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") choose(event);
  };
  return (
    <g class={`box ${node.kind} ${chosen ? "chosen" : ""} ${props.far ? "far" : ""}`} data-node={node.id} transform={`translate(${place.x} ${place.y})`}
      tabIndex={0} role="button" aria-pressed={chosen} aria-label={nameOf(node)} onClick={choose} onKeyDown={onKey}>
      <title>{node.name || "(AMQP default)"}</title>
      {node.kind === "more" ? <More node={node} /> : <Named node={node} flow={flow} />}
    </g>
  );
}

function nameOf(node: GraphNode): string {
  return node.kind === "more" ? t.more(short(node.hidden)) : `${t[node.kind]} ${node.name}`;
}

function More({ node }: { node: GraphNode }) {
  return (
    <>
      <rect width={110} height={30} rx={15} />
      <text x={55} y={19} text-anchor="middle">{t.more(short(node.hidden))}</text>
    </>
  );
}

const NAME_CHARS_MAX = 23;

function Named({ node, flow }: { node: GraphNode; flow: Flow }) {
  const name = node.name || "(AMQP default)";
  const shown = name.length > NAME_CHARS_MAX ? `${name.slice(0, NAME_CHARS_MAX - 1)}…` : name;
  const isExchange = node.kind === "exchange";
  const idle = !isExchange && flow.consumers === 0 && flow.ready > 0;
  return (
    <>
      <rect class="back" width={WIDTH} height={46} rx={isExchange ? 23 : 7} />
      {!isExchange && <rect class="stripe" x={0} y={9} width={3.5} height={28} rx={1.75} />}
      <text class="name" x={isExchange ? 20 : 14} y={20}>{shown}</text>
      <text class="sub" x={isExchange ? 20 : 14} y={36}>{isExchange ? node.detail : subOf(node, flow)}</text>
      <text class={`figure ${idle ? "warn" : ""}`} x={WIDTH - (isExchange ? 18 : 12)} y={36} text-anchor="end">
        {isExchange ? (flow.in > 0 ? rate(flow.in) : "") : flow.out > 0 ? rate(flow.out) : flow.in > 0 ? rate(flow.in) : ""}
      </text>
    </>
  );
}

function subOf(node: GraphNode, flow: Flow): string {
  const parts = [short(flow.ready + flow.unacked)];
  if (node.kind === "stream" || node.kind === "topic") parts.unshift(t[node.kind]);
  if (flow.consumers > 0) parts.push(`⇥ ${short(flow.consumers)}`);
  return parts.join(" · ");
}
