/** Alarms and health checks: is all well, and if not, what helps. */
import { useSignal } from "@preact/signals";
import { useCallback } from "preact/hooks";
import { send } from "../../lib/api";
import { bytes } from "../../lib/format";
import { alarms } from "../../lib/live";
import { useRepeated, useResource } from "../../lib/resource";
import { isMonitoring } from "../../lib/session";
import { Card, Head, Meter, Tag } from "../../ui/bits";
import { Icon } from "../../ui/icons";
import { t } from "./words";
import "./watch.css";

interface Node {
  name: string;
  mem_used: number;
  mem_limit: number;
  mem_alarm: boolean;
  disk_free: number;
  disk_free_limit: number;
  disk_free_alarm: boolean;
}

const EVERY_MS = 5000;

export function Health() {
  const nodes = useResource<Node[]>(isMonitoring.value ? "api/nodes" : null);
  const memory = alarms.value.includes("memory") || (nodes.data.value ?? []).some((one) => one.mem_alarm);
  const disk = alarms.value.includes("disk") || (nodes.data.value ?? []).some((one) => one.disk_free_alarm);
  return (
    <div class="page">
      <Head title={t.health} sub={t.healthAbout} />
      {memory && <Alarm what={t.memory} help={t.memoryHelp} />}
      {disk && <Alarm what={t.disk} help={t.diskHelp} />}
      {!memory && !disk && (
        <div class="all-well" role="status"><Icon name="check" /><strong>{t.noAlarms}</strong><span class="muted">{t.noAlarmsHint}</span></div>
      )}
      <div class="grid">
        {(nodes.data.value ?? []).map((node) => <Room key={node.name} node={node} />)}
        <Checks />
      </div>
    </div>
  );
}

function Alarm({ what, help }: { what: string; help: string }) {
  return (
    <div class="alarm" role="alert">
      <Icon name="alarm" />
      <div>
        <h2>{t.alarm(what)}</h2>
        <p><strong>{t.whatToDo}:</strong> {help}</p>
      </div>
    </div>
  );
}

function Room({ node }: { node: Node }) {
  return (
    <Card title={node.name}>
      <div class="stack">
        <div>
          <div class="row"><span class="grow">{t.memory}</span><span class="muted">{t.used(bytes(node.mem_used), bytes(node.mem_limit))}</span></div>
          <Meter used={node.mem_used} of={node.mem_limit} />
        </div>
        <div>
          <div class="row"><span class="grow">{t.disk}</span><span class="muted">{t.free(bytes(node.disk_free), bytes(node.disk_free_limit))}</span></div>
          <Meter used={node.disk_free_limit} of={Math.max(node.disk_free, 1)} />
        </div>
      </div>
    </Card>
  );
}

type Words = "checkAlarms" | "checkVhosts" | "checkService" | "checkReady" | "checkConnections" | "checkCertificates" | "checkQuorum";

const CHECKS: [string, Words][] = [
  ["alarms", "checkAlarms"],
  ["virtual-hosts", "checkVhosts"],
  ["is-in-service", "checkService"],
  ["ready-to-serve-clients", "checkReady"],
  ["below-node-connection-limit", "checkConnections"],
  ["certificate-expiration/1/months", "checkCertificates"],
  ["quorum-queues-without-elected-leaders/all-vhosts/", "checkQuorum"],
];

interface Outcome {
  state: "ok" | "failed" | "unknown";
  reason: string;
}

/** A check that fails is an answer, not a failure of the question: 503 with the reason. */
async function check(path: string): Promise<Outcome> {
  const answer = await send("GET", `api/health/checks/${path}`);
  if (answer.ok) return { state: "ok", reason: "" };
  if (answer.status !== 503) return { state: "unknown", reason: "" };
  const said = (await answer.json().catch(() => ({}))) as { reason?: string };
  return { state: "failed", reason: said.reason ?? "" };
}

function Checks() {
  const outcomes = useSignal<Record<string, Outcome>>({});
  const refresh = useCallback(async () => {
    const all = await Promise.all(CHECKS.map(([path]) => check(path).catch((): Outcome => ({ state: "unknown", reason: "" }))));
    outcomes.value = Object.fromEntries(CHECKS.map(([path], i) => [path, all[i]!]));
  }, []);
  useRepeated(refresh, EVERY_MS);
  return (
    <Card title={t.checks} flush>
      <ul class="checks">
        {CHECKS.map(([path, words]) => {
          const said = outcomes.value[path];
          if (said === undefined || said.state === "unknown") return null;
          return (
            <li key={path}>
              <span class={`dot ${said.state === "ok" ? "good" : said.state === "failed" ? "bad" : ""}`} />
              <span class="grow">{t[words]}{said.reason && <small class="muted">{said.reason}</small>}</span>
              <Tag tone={said.state === "ok" ? "good" : said.state === "failed" ? "bad" : ""}>{t[said.state]}</Tag>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
