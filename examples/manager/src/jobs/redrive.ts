import { jobMessage, type StageQueue, type SubtitleJob, type SubtitleStore } from "@example/contracts";
import { type Job, JobStoreError } from "@subtitles/job-store";
import type { Broker, DeadLetter } from "@subtitles/queue";

/** Dead letters that are looked through for ids. */
const SEARCHED_AT_MOST = 10_000;
/** Dead letters that are sent back at a time. */
const ROUND = 500;

export interface RedriveOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  /** Only these messages. @default the oldest 500 */
  readonly ids?: readonly string[] | undefined;
}

export interface Redriven {
  /** How many messages were sent back. */
  readonly redriven: number;
  /** How many dead letters are left. */
  readonly left: number;
}

/**
 * Sends dead letters back. Their jobs failed when they died, so those become pending first: a worker finds nothing to do
 * for a failed one. (An end between the two steps leaves a pending job without message, which the sweeper finds.)
 */
export async function redriveJobs(queue: StageQueue, { store, broker, ids }: RedriveOptions): Promise<Redriven> {
  const letters = await broker.deadLetters(queue, { limit: ids ? SEARCHED_AT_MOST : ROUND });
  const wanted = ids ? letters.filter(({ id }) => ids.includes(id)) : letters;
  await reopen(wanted, store);
  const redriven = wanted.length === 0 ? 0 : await broker.redrive(queue, { ids: wanted.map(({ id }) => id) });
  return { redriven, left: (await broker.stats(queue)).dead };
}

async function reopen(letters: readonly DeadLetter[], store: SubtitleStore): Promise<void> {
  const ids = new Set(letters.map(jobIdOf).filter((id) => id !== null));
  const jobs = await store.getMany([...ids]);
  const failed = jobs.filter((job): job is Job<SubtitleJob, "failed"> => job?.status === "failed");
  await Promise.all(
    failed.map(async (job) => {
      try {
        await store.updateStatus(job, "pending", { by: "manager", note: "dead letter sent back" });
      } catch (error) {
        if (!JobStoreError.is(error, "CONFLICT") && !JobStoreError.is(error, "NOT_FOUND")) throw error;
      }
    }),
  );
}

/** The job that a dead letter asks for, or null where its body is none of our messages. */
export function jobIdOf({ body }: Pick<DeadLetter, "body">): string | null {
  try {
    return jobMessage.safeParse(JSON.parse(body)).data?.jobId ?? null;
  } catch {
    return null;
  }
}
