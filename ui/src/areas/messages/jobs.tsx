/** Jobs: what runs, what has run, and what came of it. */
import { useResource } from "../../lib/resource";
import { apiPath } from "../../lib/api";
import { count, duration, when } from "../../lib/format";
import { changed } from "../../lib/live";
import { link, type Params } from "../../lib/router";
import { Button, Card, Empty, Facts, Head } from "../../ui/bits";
import { complain } from "../../ui/toast";
import { cancel, linkTo, nameOf, useJob } from "./calls";
import { MessageList } from "./list";
import { actionText, Bar, JobState, Progress } from "./progress";
import type { Job, Target } from "./shapes";
import { t } from "./words";
import { useSignal } from "@preact/signals";
import { Detail, Nothing } from "./detail";
import "./messages.css";

const EVERY_MS = 1000;

export function Jobs() {
  const { data, error, refresh } = useResource<Job[]>("api/jobs", EVERY_MS);
  const jobs = [...(data.value ?? [])].sort((a, b) => b.started - a.started);
  const stop = (job: Job) => void cancel(job.id).then(refresh).then(changed, complain);
  return (
    <div class="page messages">
      <Head title={t.jobsTitle} sub={t.jobsAbout} />
      {error.value?.status === 404 ? <div class="note">{t.notHere}</div> : error.value && <div class="problem">{error.value.reason}</div>}
      {data.value && jobs.length === 0 && <Card><Empty icon="jobs" title={t.noJobs}><p>{t.noJobsHint}</p></Empty></Card>}
      {jobs.map((job) => <Line key={job.id} job={job} onStop={() => stop(job)} />)}
    </div>
  );
}

function Line({ job, onStop }: { job: Job; onStop: () => void }) {
  return (
    <article class="card job">
      <div class="row wrap">
        <a class="name" href={link("jobs", job.id)}>{actionText(job)}</a>
        <JobState job={job} />
        <span><a href={linkTo(job.source)}>{nameOf(job.source)}</a>{job.target && <> → {targetText(job.target)}</>}</span>
        <span class="grow" />
        <span class="faint">{job.user} · {when(job.started)}{job.ended !== null && ` · ${duration(job.ended - job.started)}`}</span>
        <Button look="quiet small" onClick={onStop}>{job.state === "running" ? t.stop : t.forget}</Button>
      </div>
      <Bar job={job} />
      <div class="row wrap muted">
        <span>{job.action === "search" ? t.found(count(job.found)) : t.doneOf(count(job.done), count(job.found))}</span>
        <span class="faint">{t.examined(count(job.examined), count(job.total))}</span>
        {job.failed > 0 && <span class="bad-text">{t.failedCount(count(job.failed))}</span>}
        {job.skipped > 0 && <span>{t.skippedCount(count(job.skipped))}</span>}
        {job.filter && <code class="clip faint">{JSON.stringify(job.filter)}</code>}
      </div>
      {job.error && <div class="problem">{job.error}</div>}
    </article>
  );
}

function targetText(target: Target): string {
  return "queue" in target ? target.queue : `${target.exchange || t.defaultExchange} ${target.routing_key ?? ""}`;
}

export function OneJob({ params }: { params: Params }) {
  const id = params["id"] ?? "";
  const { job: watched, gone } = useJob(id);
  const open = useSignal<string | undefined>(undefined);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const job = watched.value;
  const results = job?.results ?? [];
  return (
    <div class="page fills messages">
      <Head crumbs={<a href="#/jobs">{t.jobs}</a>} title={job ? `${actionText(job)}: ${nameOf(job.source)}` : apiPath("jobs", id)} />
      {gone.value && <Empty icon="jobs" title={t.noJobs} />}
      {job && <Progress job={job} />}
      {job && <Facts of={[[t.source, <a href={linkTo(job.source)}>{nameOf(job.source)}</a>], [t.target, job.target && targetText(job.target)],
        [t.by, job.user], [t.started, when(job.started)], [t.ended, job.ended && when(job.ended)], [t.filterLabel, job.filter && <code>{JSON.stringify(job.filter)}</code>]]} />}
      {job && results.length > 0 && (
        <div class="split">
          <section class="card list-pane">
            <MessageList source={job.source} messages={results} open={open.value} onOpen={(position) => (open.value = position)} chosen={chosen.value} onChoose={(next) => (chosen.value = next)} />
          </section>
          <section class="card detail-pane">{results.some((one) => one.position === open.value) ? <Detail message={results.find((one) => one.position === open.value)!} /> : <Nothing />}</section>
        </div>
      )}
    </div>
  );
}
