import { queueOf, runOf, type StageQueue, type SubtitleJob, type SubtitleStore, waitingOf } from "@example/contracts";
import { type Job, JobStoreError } from "@subtitles/job-store";
import type { Broker, DeadLetter } from "@subtitles/queue";
import { jobIdOf } from "../jobs/redrive.js";

const LOOKED_AT = 500;

/**
 * A worker fails its job before it gives a message up. Where it could not, since it crashed on the message again and
 * again until RabbitMQ itself dead-lettered it, this does it instead. The dead letter stays, to be looked at or sent back.
 * @returns how many jobs failed by this
 */
export async function failDeadJobs(store: SubtitleStore, broker: Broker, queue: StageQueue): Promise<number> {
  let failed = 0;
  for (const letter of await broker.deadLetters(queue, { limit: LOOKED_AT })) {
    const jobId = jobIdOf(letter);
    const job = jobId === null ? null : await store.get(jobId);
    if (job && waitsFor(job, queue) && runOf(letter, job) === "present" && (await fail(store, job, letter)))
      failed += 1;
  }
  return failed;
}

async function fail(store: SubtitleStore, { id, version }: Job<SubtitleJob>, { reason }: DeadLetter): Promise<boolean> {
  const error = { message: `The work was given up: ${reason}`, code: "DEAD_LETTERED", retryable: true };
  try {
    const note = "its message was dead-lettered";
    await store.updateStatus(id, "failed", { ifVersion: version, error, by: "manager", note });
    return true;
  } catch (refused) {
    // It moved on in this moment, so it is not stuck.
    if (JobStoreError.is(refused, "CONFLICT") || JobStoreError.is(refused, "NOT_FOUND")) return false;
    throw refused;
  }
}

/** A parked job waits for the clock, whatever became of its message. */
function waitsFor(job: Job<SubtitleJob>, queue: StageQueue): boolean {
  if (job.status === "pending") return true;
  if (job.status !== "downloading" && job.status !== "translating") return false;
  return queueOf[job.status].name === queue.name && !waitingOf(job);
}
