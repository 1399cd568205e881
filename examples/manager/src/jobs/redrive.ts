import { jobMessage, type StageQueue, type SubtitleStore } from "@example/contracts";
import { JobStoreError } from "@subtitles/job-store";
import type { Broker, DeadLetter } from "@subtitles/queue";

const AT_MOST = 500;

export interface RedriveOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  /** Only these messages. @default the oldest 500 */
  readonly ids?: readonly string[] | undefined;
}

/**
 * Sends dead letters back. Their jobs failed when they died, so those become pending first: a worker finds nothing to do
 * for a failed one. (An end between the two steps leaves a pending job without message, which the sweeper finds.)
 * @returns how many messages were sent back
 */
export async function redriveJobs(queue: StageQueue, { store, broker, ids }: RedriveOptions): Promise<number> {
  const letters = await broker.deadLetters(queue, { limit: AT_MOST });
  const wanted = ids ? letters.filter(({ id }) => ids.includes(id)) : letters;
  for (const letter of wanted) await reopen(letter, store);
  return wanted.length === 0 ? 0 : broker.redrive(queue, { ids: wanted.map(({ id }) => id) });
}

async function reopen(letter: DeadLetter, store: SubtitleStore): Promise<void> {
  const jobId = jobIdOf(letter);
  const job = jobId === null ? null : await store.get(jobId);
  if (job?.status !== "failed") return;
  try {
    await store.updateStatus(job, "pending", { by: "manager", note: "dead letter sent back" });
  } catch (error) {
    if (!JobStoreError.is(error, "CONFLICT") && !JobStoreError.is(error, "NOT_FOUND")) throw error;
  }
}

/** The job that a dead letter asks for, or null where its body is none of our messages. */
export function jobIdOf({ body }: Pick<DeadLetter, "body">): string | null {
  try {
    return jobMessage.safeParse(JSON.parse(body)).data?.jobId ?? null;
  } catch {
    return null;
  }
}
