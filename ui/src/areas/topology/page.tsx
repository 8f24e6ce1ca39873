/** Exchanges, queues and topics of a virtual host as a graph. */
import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { count } from "../../lib/format";
import { useRepeated } from "../../lib/resource";
import { query, setQuery } from "../../lib/router";
import { vhost as chosenVhost, vhosts } from "../../lib/session";
import { Empty, Head, Segments } from "../../ui/bits";
import { reasonOf } from "../../ui/toast";
import { BOUNDS, buildGraph, type Graph } from "./graph";
import { Drawing } from "./drawing";
import { follow, isFollowed, unfollow } from "../../lib/shown";
import { isLarge, load, refreshed, withQueues, type Loaded } from "./load";
import { Panel } from "./panel";
import { flows } from "./rates";
import { Search } from "./search";
import { t } from "./words";
import "./topology.css";

const EVERY_MS = 3000;
const STRUCTURE_MS = 30_000; // of a large virtual host: who is bound to whom changes seldom, and costs more to ask

export function Topology() {
  const vhost = query.value.get("vhost") ?? (chosenVhost.value || vhosts.value[0] || "/");
  const focus = query.value.get("focus") ?? undefined;
  const depth = Number(query.value.get("depth") ?? BOUNDS.depth);
  const loaded = useSignal<Loaded | undefined>(undefined);
  const problem = useSignal("");
  const chosen = useSignal<string | undefined>(focus);
  const drawn = useRef<string[]>([]);
  const structureAt = useRef(0);
  const me = useRef({});
  const refresh = useCallback(async () => {
    try {
      const before = loaded.peek();
      const keep = before !== undefined && isLarge(before) && Date.now() - structureAt.current < STRUCTURE_MS;
      loaded.value = keep ? await refreshed(vhost, before, isFollowed(me.current) ? [] : drawn.current) : await load(vhost, focus);
      if (!keep) structureAt.current = Date.now();
      problem.value = "";
    } catch (error) {
      problem.value = reasonOf(error);
    }
  }, [vhost, focus]);
  useEffect(() => {
    chosen.value = focus;
    structureAt.current = 0;
  }, [vhost, focus]);
  useRepeated(refresh, EVERY_MS);
  const graph = useMemo(
    () => loaded.value && buildGraph(loaded.value, { ...BOUNDS, depth, alone: !isLarge(loaded.value), ...(focus !== undefined && { focus }) }),
    [loaded.value, focus, depth],
  );
  drawn.current = (graph?.nodes ?? []).filter((node) => node.kind !== "exchange" && node.kind !== "more").map((node) => node.name);
  const wish = loaded.value && isLarge(loaded.value) ? JSON.stringify(drawn.current) : "";
  useEffect(() => {
    if (!wish) return;
    const names = (JSON.parse(wish) as string[]).map((name) => ({ name, vhost }));
    follow(me.current, { kind: "queues", names, tell: (told) => {
      if (told.vhost === vhost && loaded.peek()) loaded.value = withQueues(loaded.peek()!, vhost, told.rows);
    } });
    return () => unfollow(me.current);
  }, [wish, vhost]);
  const focusOn = (id: string | undefined) => {
    chosen.value = id;
    setQuery("focus", id ?? "");
  };
  return (
    <div class="page fills topology">
      <Head title={t.title} sub={t.about}>
        <Search vhost={vhost} onFound={focusOn} />
        {focus !== undefined && (
          <Segments label={t.steps} value={String(depth)} onChange={(value) => setQuery("depth", value)} of={[["1", "1"], ["2", "2"], ["3", "3"], ["5", "5"]]} />
        )}
        {focus !== undefined && <button type="button" class="button" onClick={() => focusOn(undefined)}>{t.whole}</button>}
        {vhosts.value.length > 1 && <Vhosts value={vhost} />}
      </Head>
      {problem.value && <div class="problem">{problem.value}</div>}
      {graph && loaded.value && <Hint graph={graph} loaded={loaded.value} focused={focus !== undefined} />}
      {graph && loaded.value && <Body graph={graph} loaded={loaded.value} vhost={vhost} focus={focus} chosen={chosen} onFocus={focusOn} />}
    </div>
  );
}

function Vhosts({ value }: { value: string }) {
  return (
    <select class="select vhost" aria-label={t.oneVhost} title={t.oneVhost} value={value} onChange={(event) => {
      setQuery("focus", "");
      setQuery("vhost", event.currentTarget.value);
    }}>
      {vhosts.value.map((name) => <option key={name} value={name}>{name}</option>)}
    </select>
  );
}

function Hint({ graph, loaded, focused }: { graph: Graph; loaded: Loaded; focused: boolean }) {
  const shown = graph.nodes.filter((node) => node.kind !== "more").length;
  if (!focused && loaded.bindingsTotal > loaded.bindings.length) return <div class="note">{t.many(count(loaded.bindingsTotal))}</div>;
  if (graph.total > shown) return <div class="note">{t.bounded(count(shown), count(graph.total))}</div>;
  return null;
}

function Body(props: {
  graph: Graph;
  loaded: Loaded;
  vhost: string;
  focus: string | undefined;
  chosen: { value: string | undefined };
  onFocus: (id: string | undefined) => void;
}) {
  const { graph, loaded, chosen } = props;
  const flow = flows(loaded.exchanges, loaded.queues);
  if (graph.nodes.length === 0) return <div class="card"><Empty icon="topology" title={t.nothing}><p>{t.nothingHint}</p></Empty></div>;
  const node = graph.nodes.find((one) => one.id === chosen.value && one.kind !== "more");
  const choose = (id: string | undefined) => {
    const more = graph.nodes.find((one) => one.id === id && one.kind === "more");
    chosen.value = more ? id?.slice("more>:".length) : id;
  };
  return (
    <div class="card stage">
      <Drawing graph={graph} flow={flow} chosen={node?.id} onChoose={choose} />
      <Legend />
      {node && <Panel node={node} graph={graph} flow={flow} vhost={props.vhost} focused={props.focus === node.id} onFocus={() => props.onFocus(node.id)} onChoose={choose} />}
    </div>
  );
}

function Legend() {
  return (
    <div class="legend" aria-hidden="true">
      <span><i class="binding" />{t.binding}</span>
      <span><i class="moving" />{t.moving}</span>
      <span><i class="dead" />{t.deadLetter}</span>
      <span class="hand">{t.drag}</span>
    </div>
  );
}
