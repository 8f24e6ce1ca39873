/** What is known of the box that was clicked, and where one can go from it. */
import { count, rate } from "../../lib/format";
import { link } from "../../lib/router";
import { Button, Facts, Tag } from "../../ui/bits";
import type { Graph, GraphEdge, GraphNode } from "./graph";
import { STILL, type Flow } from "./rates";
import { t } from "./words";

const LINES_MAX = 12;

export function Panel(props: {
  node: GraphNode;
  graph: Graph;
  flow: Map<string, Flow>;
  vhost: string;
  focused: boolean;
  onFocus: () => void;
  onChoose: (id: string | undefined) => void;
}) {
  const { node, graph, vhost } = props;
  const flow = props.flow.get(node.id) ?? STILL;
  const isExchange = node.kind === "exchange";
  return (
    <aside class="card panel" aria-label={node.name}>
      <header>
        <h2 class="clip" title={node.name}>{node.name || "(AMQP default)"}</h2>
        <div class="actions"><Button icon="x" look="quiet small" aria-label={t.close} onClick={() => props.onChoose(undefined)} /></div>
      </header>
      <div class="body stack">
        <div class="row wrap">
          <Tag tone="accent">{t[node.kind]}</Tag>
          {node.detail && <Tag>{node.detail}</Tag>}
          {!isExchange && flow.consumers === 0 && <Tag tone="warn">{t.noConsumers}</Tag>}
        </div>
        <Facts of={[
          [t.incoming, rate(flow.in)],
          [t.outgoing, rate(flow.out)],
          ...(isExchange ? [] : [[t.ready, count(flow.ready)], [t.unacked, count(flow.unacked)], [t.consumers, count(flow.consumers)]] as [string, string][]),
        ]} />
        <Ends title={t.from} edges={graph.edges.filter((edge) => edge.to === node.id)} side="from" onChoose={props.onChoose} />
        <Ends title={t.to} edges={graph.edges.filter((edge) => edge.from === node.id)} side="to" onChoose={props.onChoose} />
        <div class="row wrap">
          <a class="button" href={isExchange ? link("exchanges", vhost, node.name || "amq.default") : link("queues", vhost, node.name)}>{t.open}</a>
          {!isExchange && <a class="button" href={link("messages", vhost, node.name)}>{t.browse}</a>}
          {!props.focused && <Button onClick={props.onFocus}>{t.neighbours}</Button>}
        </div>
      </div>
    </aside>
  );
}

function Ends(props: { title: string; edges: GraphEdge[]; side: "from" | "to"; onChoose: (id: string) => void }) {
  const named = props.edges.filter((edge) => !edge[props.side].startsWith("more"));
  if (named.length === 0) return null;
  return (
    <div class="ends">
      <h3>{props.title}</h3>
      {named.slice(0, LINES_MAX).map((edge) => (
        <button type="button" key={edge[props.side] + edge.kind} onClick={() => props.onChoose(edge[props.side])}>
          <span class="clip">{edge[props.side].slice(2) || "(AMQP default)"}</span>
          <code class="clip faint">{edge.kind === "binding" ? edge.keys.map((key) => key || t.anyKey).join(", ") : t[edge.kind]}</code>
        </button>
      ))}
      {named.length > LINES_MAX && <small class="faint">{t.more(count(named.length - LINES_MAX))}</small>}
    </div>
  );
}
