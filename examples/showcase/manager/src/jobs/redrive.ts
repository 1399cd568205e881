import { jobMessage, type StageQueue, type SubtitleJob, type SubtitleStore } from "@showcase/contracts";
import { type Job, JobStoreError } from "@subtitles/job-store";
import type { Broker, DeadLetter } from "@subtitles/queue";

/** Maximum number of dead letters that are searched for ids. */
const SEARCHED_AT_MOST = 10_000;
/** Maximum number of dead letters that are sent back at a time. */
const ROUND = 500;

export interface RedriveOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  /** Ids of the messages. @default the oldest 500 */
  readonly ids?: readonly string[] | undefined;
}

export interface Redriven {
  /** Number of messages that were sent back. */
  readonly redriven: number;
  /** Number of dead letters that are left. */
  readonly left: number;
}

/**
 * Sends dead letters back. A failed job is retried with a new message, because the worker skips messages of an earlier run; its
 * dead letters are then discarded. If the process ends between these two steps, dead letters of an earlier run remain.
 */
export async function redriveJobs(queue: StageQueue, { store, broker, ids }: RedriveOptions): Promise<Redriven> {
  const letters = await broker.deadLetters(queue, { limit: ids ? SEARCHED_AT_MOST : ROUND });
  const wanted = ids ? letters.filter(({ id }) => ids.includes(id)) : letters;
  const retried = await retryFailed(wanted, store);
  const isRetried = (letter: DeadLetter) => retried.has(jobIdOf(letter));
  const replaced = wanted.filter(isRetried).map(({ id }) => id);
  const sent = wanted.filter((letter) => !isRetried(letter)).map(({ id }) => id);
  const discarded = replaced.length === 0 ? 0 : await broker.discard(queue, { ids: replaced });
  const redriven = sent.length === 0 ? 0 : await broker.redrive(queue, { ids: sent });
  return { redriven: discarded + redriven, left: (await broker.stats(queue)).dead };
}

/** Returns the ids of the jobs that had failed and are pending again, each with a message in the outbox. */
async function retryFailed(letters: readonly DeadLetter[], store: SubtitleStore): Promise<ReadonlySet<string | null>> {
  const ids = new Set(letters.map(jobIdOf).filter((id) => id !== null));
  const jobs = await store.getMany([...ids]);
  const failed = jobs.filter((job): job is Job<SubtitleJob, "failed"> => job?.status === "failed");
  const retried = new Set<string | null>();
  await Promise.all(
    failed.map(async (job) => {
      try {
        await store.updateStatus(job, "pending", { by: "manager", note: "dead letter sent back" });
        retried.add(job.id);
      } catch (error) {
        if (!JobStoreError.is(error, "CONFLICT") && !JobStoreError.is(error, "NOT_FOUND")) throw error;
      }
    }),
  );
  return retried;
}

/** Returns the job of a dead letter, or null if its body is not a message of this service. */
export function jobIdOf({ body }: Pick<DeadLetter, "body">): string | null {
  try {
    return jobMessage.safeParse(JSON.parse(body)).data?.jobId ?? null;
  } catch {
    return null;
  }
}
