/** What the pages of messages ask of the API. */
import { signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { apiPath, del, get, post, withQuery } from "../../lib/api";
import { link } from "../../lib/router";
import { complain } from "../../ui/toast";
import type { Job, MessagePage, Order, Source } from "./shapes";

export const PREVIEW_BYTES = 2048;
const POLL_MS = 300;
const POLL_HIDDEN_MS = 3000;

export function nameOf(source: Source): string {
  if ("queue" in source) return source.queue;
  return source.partition === undefined ? source.topic : `${source.topic} / ${source.partition}`;
}

export function linkTo(source: Source): string {
  if ("queue" in source) return link("messages", source.vhost, source.queue);
  return link("records", source.topic, String(source.partition ?? 0));
}

/** Streams and topics keep what they have: nothing can be taken out of them. */
export const isTopic = (source: Source): boolean => "topic" in source;

export type Where = { at: "oldest" | "newest" } | { at: "position"; position: string } | { at: "time"; time: string };

export function messagesAt(source: Source, where: Where, count: number, truncate?: number): Promise<MessagePage> {
  const path =
    "queue" in source
      ? apiPath("queues", source.vhost, source.queue, "messages")
      : apiPath("topics", source.topic, "partitions", String(source.partition ?? 0), "messages");
  return get<MessagePage>(
    withQuery(path, {
      count,
      truncate,
      last: where.at === "newest",
      position: where.at === "position" ? where.position : undefined,
      time: where.at === "time" ? where.time : undefined,
    }),
  );
}

export async function begin(order: Order): Promise<string> {
  return (await post<{ id: string }>("api/jobs", order)).id;
}

export const cancel = (id: string): Promise<void> => del(apiPath("jobs", id));

export interface Watched {
  job: Signal<Job | undefined>;
  gone: Signal<boolean>;
}

/** Follow a job until it has ended. */
export function useJob(id: string | undefined, onEnd?: (job: Job) => void): Watched {
  const watched = useMemo<Watched>(() => ({ job: signal(undefined), gone: signal(false) }), [id]);
  useEffect(() => {
    if (id === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let left = false;
    const look = async (): Promise<void> => {
      try {
        const job = await get<Job>(apiPath("jobs", id));
        if (left) return;
        watched.job.value = job;
        if (job.state !== "running") return onEnd?.(job);
      } catch (error) {
        if (left) return;
        watched.gone.value = true;
        return complain(error);
      }
      timer = setTimeout(look, document.hidden ? POLL_HIDDEN_MS : POLL_MS);
    };
    void look();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [id]);
  return watched;
}
