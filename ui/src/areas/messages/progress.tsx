/** How far a job is. */
import { count } from "../../lib/format";
import { Button, Tag } from "../../ui/bits";
import { complain } from "../../ui/toast";
import { cancel } from "./calls";
import type { Job } from "./shapes";
import { t } from "./words";

const TONES = { running: "accent", done: "good", cancelled: "warn", failed: "bad" } as const;

export const actionText = (job: Pick<Job, "action">): string => t[`a_${job.action}`];

export function JobState({ job }: { job: Job }) {
  return <Tag tone={TONES[job.state]}>{t[`s_${job.state}`]}</Tag>;
}

export function Bar({ job }: { job: Job }) {
  const part = job.state === "done" ? 1 : job.total > 0 ? Math.min(1, job.examined / job.total) : 0;
  const tone = job.state === "failed" ? "bad" : job.state === "cancelled" ? "warn" : "";
  return (
    <div class={`meter ${tone}`} role="progressbar" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)}>
      <i style={{ width: `${part * 100}%` }} />
    </div>
  );
}

/** One line: what it does, how far it is, a way to stop it. */
export function Progress({ job, onClose }: { job: Job; onClose?: () => void }) {
  return (
    <div class="progress card" role="status">
      <div class="row wrap">
        <strong>{actionText(job)}</strong>
        <JobState job={job} />
        <span>{job.action === "search" ? t.found(count(job.found)) : t.doneOf(count(job.done), count(job.found))}</span>
        <span class="faint">{t.examined(count(job.examined), count(job.total))}</span>
        {job.failed > 0 && <Tag tone="bad">{t.failedCount(count(job.failed))}</Tag>}
        {job.skipped > 0 && <Tag tone="warn">{t.skippedCount(count(job.skipped))}</Tag>}
        <span class="grow" />
        {job.state === "running" && <Button look="small" onClick={() => void cancel(job.id).catch(complain)}>{t.stop}</Button>}
        {job.state !== "running" && onClose && <Button icon="x" look="quiet small" aria-label={t.close} onClick={onClose} />}
      </div>
      <Bar job={job} />
      {job.error && <div class="problem">{job.error}</div>}
    </div>
  );
}
