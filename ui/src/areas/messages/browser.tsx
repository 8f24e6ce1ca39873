/** The browser: one page of messages, or what a search found; one of them in full beside it. */
import { batch, useSignal, type Signal } from "@preact/signals";
import { useCallback, useEffect, useMemo } from "preact/hooks";
import { apiPath } from "../../lib/api";
import { changed } from "../../lib/live";
import { count } from "../../lib/format";
import { go, link, query, setQuery, type Params } from "../../lib/router";
import { useResource } from "../../lib/resource";
import { Button, Empty, Head, Menu, Segments } from "../../ui/bits";
import { complain, reasonOf } from "../../ui/toast";
import { Actions, purge, type Doing } from "./actions";
import { Builder } from "./builder";
import { begin, cancel, isTopic, messagesAt, nameOf, PREVIEW_BYTES, useJob, type Where } from "./calls";
import { Detail, Nothing } from "./detail";
import { emptyCondition, parseFilter, toConditions, toFilter, type Condition } from "./filter";
import { MessageList } from "./list";
import { Progress } from "./progress";
import type { Filter, Job, Message, MessagePage, Source } from "./shapes";
import { t } from "./words";
import "./messages.css";

const COUNTS = ["25", "50", "100", "250"] as const;
const FOUND_MAX = 200;

export function QueueMessages({ params }: { params: Params }) {
  const source = useMemo<Source>(() => ({ vhost: params["vhost"] ?? "/", queue: params["queue"] ?? "" }), []);
  return <Browser source={source} />;
}

export function TopicMessages({ params }: { params: Params }) {
  const source = useMemo<Source>(() => ({ topic: params["topic"] ?? "", partition: Number(params["partition"] ?? 0) }), []);
  return <Browser source={source} />;
}

/** Everything the page remembers while it is open. */
interface Desk {
  source: Source;
  at: Signal<Where>;
  count: Signal<(typeof COUNTS)[number]>;
  page: Signal<MessagePage | undefined>;
  before: Signal<Where[]>; // pages that were left by "next"
  problem: Signal<string>;
  open: Signal<string | undefined>;
  chosen: Signal<ReadonlySet<string>>;
  rows: Signal<Condition[]>;
  ignoreCase: Signal<boolean>;
  searched: Signal<Filter | undefined>; // what the results shown are of
  search: Signal<string | undefined>; // its job
  action: Signal<string | undefined>; // the job of what was done last
}

function useDesk(source: Source): Desk {
  const asked = useMemo(() => parseFilter(query.peek().get("filter")), []);
  const position = query.peek().get("position");
  return {
    source,
    at: useSignal<Where>(position ? { at: "position", position } : { at: isTopic(source) ? "newest" : "oldest" }),
    count: useSignal<(typeof COUNTS)[number]>("50"),
    page: useSignal<MessagePage | undefined>(undefined),
    before: useSignal<Where[]>([]),
    problem: useSignal(""),
    open: useSignal<string | undefined>(undefined),
    chosen: useSignal<ReadonlySet<string>>(new Set()),
    rows: useSignal<Condition[]>(asked ? toConditions(asked) : [emptyCondition("text")]),
    ignoreCase: useSignal(asked?.ignore_case ?? false),
    searched: useSignal<Filter | undefined>(undefined),
    search: useSignal<string | undefined>(undefined),
    action: useSignal<string | undefined>(undefined),
  };
}

function Browser({ source }: { source: Source }) {
  const desk = useDesk(source);
  const load = useCallback(() => loadPage(desk), [desk.at.value, desk.count.value]);
  useEffect(() => void load(), [load]);
  useEffect(() => {
    if (toFilter(desk.rows.peek(), false)) void startSearch(desk);
  }, []);
  const search = useJob(desk.search.value).job.value;
  const action = useJob(desk.action.value, () => {
    changed();
    if (desk.search.peek() === undefined) void load();
  }).job.value;
  const found = desk.search.value === undefined ? undefined : (search?.results ?? []);
  const messages = found ?? inReadingOrder(desk);
  return (
    <div class="page fills messages">
      <Title desk={desk} onRefresh={() => void (desk.search.value === undefined ? load() : startSearch(desk))} />
      <div class="card asking">
        <Builder rows={desk.rows} ignoreCase={desk.ignoreCase} ofTopic={isTopic(source)} busy={search?.state === "running"}
          onSearch={() => void startSearch(desk)} onStop={() => void (desk.search.value && cancel(desk.search.value).catch(complain))}
          onClear={() => clearSearch(desk, load)} />
      </div>
      {search && <Outcome desk={desk} job={search} />}
      {action && <Progress job={action} onClose={() => (desk.action.value = undefined)} />}
      {desk.problem.value && <div class="problem" role="alert">{desk.problem.value}</div>}
      <div class="split">
        <section class="card list-pane">
          {desk.search.value === undefined && <Places desk={desk} />}
          {desk.chosen.value.size > 0 && <Selection desk={desk} />}
          {messages !== undefined && messages.length === 0 && search?.state !== "running" ? <NoMessages search={search} /> : (
            <MessageList source={source} messages={messages ?? []} open={desk.open.value} onOpen={(position) => (desk.open.value = position)}
              chosen={desk.chosen.value} onChoose={(next) => (desk.chosen.value = next)} />
          )}
        </section>
        <section class="card detail-pane"><Opened desk={desk} messages={messages ?? []} /></section>
      </div>
    </div>
  );
}

/** Who asks for the newest wants them on top. */
function inReadingOrder({ at, page }: Desk): Message[] | undefined {
  const messages = page.value?.messages;
  return at.value.at === "newest" ? messages?.toReversed() : messages;
}

/** Which partition of a topic: where there is more than one. */
function Partitions({ topic, chosen }: { topic: string; chosen: number }) {
  const { data } = useResource<{ partitions: number }>(apiPath("topics", topic), PARTITIONS_EVERY_MS);
  const all = data.value?.partitions ?? 1;
  if (all < 2) return null;
  return (
    <select class="select partition" aria-label={t.partition} value={String(chosen)} onChange={(event) => go(link("records", topic, event.currentTarget.value))}>
      {Array.from({ length: all }, (_, i) => <option key={i} value={String(i)}>{`${t.partition} ${i}`}</option>)}
    </select>
  );
}

const PARTITIONS_EVERY_MS = 30_000;

function Title({ desk, onRefresh }: { desk: Desk; onRefresh: () => void }) {
  const { source } = desk;
  const crumbs = "queue" in source ? <><a href="#/messages">{t.messages}</a>{source.vhost !== "/" && ` · ${source.vhost}`}</> : <><a href="#/messages">{t.messages}</a> · {t.topic}</>;
  const owner = "queue" in source ? link("queues", source.vhost, source.queue) : link("topics", source.topic);
  return (
    <Head crumbs={crumbs} title={<a class="plain" href={owner}>{nameOf(source)}</a>} sub={t.consumersSee}>
      {"topic" in source && <Partitions topic={source.topic} chosen={source.partition ?? 0} />}
      <Button icon="refresh" onClick={onRefresh}>{t.refresh}</Button>
      {!isTopic(source) && <Button icon="trash" look="danger" onClick={() => purge(doingWith(desk, {}))}>{t.purge}</Button>}
    </Head>
  );
}

function doingWith(desk: Desk, which: Doing["which"]): Doing {
  return {
    source: desk.source,
    which,
    onJob: (id) => batch(() => {
      desk.action.value = id;
      desk.chosen.value = new Set();
    }),
  };
}

async function loadPage(desk: Desk): Promise<void> {
  try {
    desk.page.value = await messagesAt(desk.source, desk.at.peek(), Number(desk.count.peek()), PREVIEW_BYTES);
    desk.problem.value = "";
  } catch (error) {
    desk.problem.value = reasonOf(error);
  }
}

async function startSearch(desk: Desk, from?: string): Promise<void> {
  const filter = toFilter(desk.rows.peek(), desk.ignoreCase.peek());
  if (filter === undefined) return;
  setQuery("filter", JSON.stringify(filter));
  const old = desk.search.peek();
  try {
    const id = await begin({
      action: "search", source: desk.source, filter, limit: FOUND_MAX, truncate: PREVIEW_BYTES,
      ...(from !== undefined && { from_position: from }),
    });
    batch(() => {
      desk.search.value = id;
      desk.searched.value = filter;
      desk.open.value = undefined;
      desk.chosen.value = new Set();
      desk.problem.value = "";
    });
    if (old !== undefined) void cancel(old).catch(() => undefined); // nobody sees it any more
  } catch (error) {
    desk.problem.value = reasonOf(error);
  }
}

function clearSearch(desk: Desk, load: () => Promise<void>): void {
  const old = desk.search.peek();
  if (old !== undefined) void cancel(old).catch(() => undefined);
  batch(() => {
    desk.search.value = undefined;
    desk.searched.value = undefined;
    desk.rows.value = [emptyCondition("text")];
    desk.open.value = undefined;
    desk.chosen.value = new Set();
  });
  setQuery("filter", "");
  void load();
}

/** What a search found so far, and what can be done with all that match. */
function Outcome({ desk, job }: { desk: Desk; job: Job }) {
  if (job.state === "running" || job.state === "failed") return <Progress job={job} />;
  const text = job.complete ? t.foundAll(count(job.found)) : t.foundSome(count(job.found));
  return (
    <div class="row wrap outcome" role="status">
      <strong>{text}</strong>
      <span class="faint">{t.examined(count(job.examined), count(job.total))}</span>
      {job.next && <Button look="small" onClick={() => void startSearch(desk, job.next ?? undefined)}>{t.searchOn}</Button>}
      <span class="grow" />
      {job.found > 0 && <Menu icon="down" label={t.allMatching} text={t.allMatching}><Actions doing={doingWith(desk, { filter: desk.searched.value })} /></Menu>}
    </div>
  );
}

function Places({ desk }: { desk: Desk }) {
  const { at, page, before } = desk;
  const text = useSignal("");
  const show = (where: Where) => batch(() => {
    before.value = [];
    at.value = where;
  });
  const kind = at.value.at;
  const choose = (next: Where["at"]) => {
    if (next === "newest" || next === "oldest") show({ at: next });
    else {
      text.value = "";
      at.value = next === "time" ? { at: "time", time: "" } : { at: "position", position: "" };
    }
  };
  const jump = (event: Event) => {
    event.preventDefault();
    if (!text.value) return;
    show(kind === "time" ? { at: "time", time: String(Date.parse(text.value)) } : { at: "position", position: text.value.trim() });
  };
  return (
    <div class="table-bar places">
      <Segments label={t.position} value={kind} onChange={choose} of={[["oldest", t.oldest], ["newest", t.newest], ["position", isTopic(desk.source) ? t.offset : t.atPosition], ["time", t.atTime]]} />
      {(kind === "position" || kind === "time") && (
        <form class="row" onSubmit={jump}>
          {kind === "time" ? (
            <input class="input at" type="datetime-local" step={1} aria-label={t.atTime} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
          ) : (
            <input class="input at" type="text" aria-label={t.atPosition} placeholder="17" value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
          )}
          <Button type="submit">{t.go}</Button>
        </form>
      )}
      <span class="grow" />
      <select class="select count" aria-label={t.perPage("")} value={desk.count.value} onChange={(event) => (desk.count.value = event.currentTarget.value as (typeof COUNTS)[number])}>
        {COUNTS.map((one) => <option value={one}>{t.perPage(one)}</option>)}
      </select>
      <Button look="small" disabled={before.value.length === 0} onClick={() => batch(() => {
        const last = before.value.at(-1);
        before.value = before.value.slice(0, -1);
        if (last) at.value = last;
      })}>{t.back}</Button>
      <Button look="small" disabled={kind === "newest" || !page.value?.next} onClick={() => batch(() => {
        before.value = [...before.value, at.value];
        at.value = { at: "position", position: page.value?.next ?? "" };
      })}>{t.next}</Button>
    </div>
  );
}

function Selection({ desk }: { desk: Desk }) {
  const positions = [...desk.chosen.value];
  return (
    <div class="selection row wrap" role="toolbar" aria-label={t.actionsFor}>
      <strong>{t.chosen(count(positions.length))}</strong>
      <span class="grow" />
      <Actions doing={doingWith(desk, { positions })} />
      <Button icon="x" look="quiet" aria-label={t.unchoose} title={t.unchoose} onClick={() => (desk.chosen.value = new Set())} />
    </div>
  );
}

function NoMessages({ search }: { search: Job | undefined }) {
  if (search) return <Empty icon="search" title={t.foundNone}><p>{t.foundNoneHint}</p></Empty>;
  return <Empty icon="inbox" title={t.empty}><p>{t.emptyHint}</p></Empty>;
}

function Opened({ desk, messages }: { desk: Desk; messages: Message[] }) {
  const message = messages.find((one) => one.position === desk.open.value);
  if (message === undefined) return <Nothing />;
  const { source } = desk;
  const loadAll = async () => {
    const page = await messagesAt(source, { at: "position", position: message.position }, 1);
    return page.messages.find((one) => one.position === message.position);
  };
  return (
    <Detail message={message} vhost={"vhost" in source ? source.vhost : undefined} loadAll={loadAll}
      actions={<Actions doing={doingWith(desk, { positions: [message.position] })} message={message} />} />
  );
}
