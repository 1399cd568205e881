import {
  queueOf,
  type StageQueue,
  type SubtitleFiles,
  type SubtitleJob,
  type SubtitleStore,
  waitingOf,
} from "@example/contracts";
import type { Job } from "@subtitles/job-store";
import type { Broker } from "@subtitles/queue";
import { stageToResume } from "../jobs/resume.js";

type Stuck = Job<SubtitleJob, "pending" | "downloading" | "translating">;

const PAGE = 200;

export interface StrandedOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly files: SubtitleFiles;
  /** A job without a sign of life for so long is looked at. */
  readonly quietMs: number;
  /** And one for so long is asked for again even where its message may only be waiting in a long queue. */
  readonly hopelessMs: number;
  /** When jobs were asked for again, by id; kept from sweep to sweep. */
  readonly askedAt: Map<string, number>;
}

/**
 * Asks again for jobs that are active although no message is left for them: RabbitMQ was emptied, say, or set up anew.
 * An unnecessary message does no harm: the worker finds the job done, or takes it over.
 * @returns how many jobs were asked for
 */
export async function askForStranded(options: StrandedOptions): Promise<number> {
  const { store, quietMs, hopelessMs, askedAt } = options;
  // Before anything has been published, nothing can be missing.
  if ((await store.outbox.depth()) > 0) return 0;
  const now = Date.now();
  for (const [id, at] of askedAt) if (at < now - hopelessMs) askedAt.delete(id);

  const empty = new Map<string, boolean>();
  let asked = 0;
  let cursor: string | undefined;
  do {
    const page = await store.list({
      status: ["pending", "downloading", "translating"],
      order: "oldest",
      before: new Date(now - quietMs),
      limit: PAGE,
      cursor,
    });
    cursor = page.cursor;
    for (const job of page.items) {
      if (job.updatedAt.getTime() > now - quietMs || askedAt.has(job.id) || waitingOf(job)) continue;
      const queue = await queueFor(job, options);
      const isEmpty = empty.get(queue.name) ?? (await hasNoMessages(options.broker, queue));
      empty.set(queue.name, isEmpty);
      if (!isEmpty && job.updatedAt.getTime() > now - hopelessMs) continue;
      await options.broker.publish(queue, { jobId: job.id }, { id: `${job.id}.${job.version}.sweep-${now}` });
      askedAt.set(job.id, now);
      asked += 1;
    }
  } while (cursor !== undefined);
  return asked;
}

async function queueFor(job: Stuck, { files }: StrandedOptions): Promise<StageQueue> {
  return job.status === "pending" ? stageToResume(job, files) : queueOf[job.status];
}

async function hasNoMessages(broker: Broker, queue: StageQueue): Promise<boolean> {
  const { ready, unacked, delayed } = await broker.stats(queue);
  return ready === 0 && unacked === 0 && delayed === 0;
}
