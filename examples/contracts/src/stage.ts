import { hostname } from "node:os";
import type { Change, Job, NextOf } from "@subtitles/job-store";
import type { SubtitleProgress } from "@subtitles/job-store/subtitle";
import { type Broker, type Consumer, deadLetter, type Message, retry, type Verdict } from "@subtitles/queue";
import { abortable } from "./abortable.js";
import { consumeWhenReachable } from "./consume.js";
import { Failure, NotNow } from "./failures.js";
import type { JobProgress, SubtitleJob, SubtitleStore, Working, WorkingJob } from "./job.js";
import type { Log } from "./log.js";
import { goingOn, parked } from "./parking.js";
import { createProgressWriter, isLost } from "./progress.js";
import type { StageQueue } from "./queues.js";
import { runOf } from "./runs.js";
import { untilStored } from "./until-stored.js";

/** What a worker does with a job: which messages ask for it, how it takes the job over, and the work itself. */
export interface Stage {
  /** Names the worker in logs and in the job's history. */
  readonly name: string;
  readonly queue: StageQueue;
  /**
   * Takes the job over by entering the stage's status by snapshot, also where it stands there already: that replaces a
   * worker that died or hangs, since the snapshot it holds is now an old one. Null where the job is past this stage.
   */
  enter(job: Job<SubtitleJob>, change: Change<SubtitleJob>): Promise<WorkingJob> | null;
  /**
   * The work. What it answers is where the job goes. A `Failure` that it throws fails the job, a `NotNow` says when it can
   * go on, and anything else is retried.
   */
  work(job: WorkingJob, tools: StageTools): Promise<Outcome>;
}

export interface StageTools {
  /** Aborts when the work is for nothing: the job is in other hands, or this process must stop. */
  readonly signal: AbortSignal;
  /** Notes real progress. Cheap: call it as often as there is news. */
  readonly progress: (progress: SubtitleProgress) => void;
  readonly log: Log;
}

/** Where the job goes from here, and what is stored with that step. */
export type Outcome = {
  readonly to: NextOf<SubtitleJob, Working>;
  /** Called once the store has the outcome: the place to remove what only an unfinished job needs. */
  readonly afterwards?: () => Promise<void>;
} & Omit<Change<SubtitleJob>, "by">;

/** The job goes nowhere: it waits, in the status that it has. */
interface Parked {
  readonly to: null;
  readonly progress: JobProgress;
  readonly note: string;
}

export interface StageOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly log: Log;
  /** Jobs worked on at a time. @default 1 */
  readonly concurrency?: number | undefined;
}

/**
 * Consumes a stage's queue. The rules, which hold for every worker of this service:
 *
 * - A message is acknowledged only once the store has the outcome: until then it is the only thing that remembers.
 * - While the store is away the message is kept and the work waits; that uses up no retry.
 * - A job that is gone or past this stage leaves nothing to do: the message was a duplicate.
 * - A message of an earlier run is acknowledged: the job was cancelled and retried while the message waited for its own retry.
 * - A worker that was replaced, or whose job was cancelled, stops quietly: its old snapshot can change nothing.
 * - A job that has to wait for longer than a retry is parked: its message is acknowledged, and the manager sends another.
 * - What throws is retried with a delay. Before the last attempt's message is dead-lettered, its job fails with the reason.
 */
export function startStage(stage: Stage, options: StageOptions): Consumer {
  const { store, broker, log, concurrency = 1 } = options;
  const by = `${stage.name}@${hostname()}/${process.pid}`;
  const longestRetryMs = Math.max(...stage.queue.retryDelaysMs);

  async function deliver(message: Message<StageQueue>): Promise<Verdict | undefined> {
    const { jobId } = message.payload;
    const jobLog = log.child({ jobId, messageAttempt: message.attempt });
    let job: WorkingJob | null = null;
    try {
      job = await takeOver(message, jobLog);
      if (job) await record(job, await perform(job, message, jobLog), message.signal, jobLog);
      return undefined;
    } catch (error) {
      // Or the answer to our own change was lost, and repeating it found the job moved on. Either way: nothing left to do.
      if (isLost(error)) {
        jobLog.warn({ code: error.code }, "the job was deleted or moved on in other hands: stopped working on it");
        return undefined;
      }
      if (message.signal.aborted) throw error;
      if (message.lastAttempt) return giveUp(job ?? jobId, error, message.signal, jobLog);
      if (!(error instanceof NotNow)) throw error;
      return retry({ afterMs: error.afterMs, reason: error.message });
    }
  }

  /** The job in the stage's status and in our hands, or null where nothing is left to do. */
  function takeOver(message: Message<StageQueue>, jobLog: Log): Promise<WorkingJob | null> {
    const note = takeOverNote(message);
    return untilStored(async () => {
      for (;;) {
        const job = await store.get(message.payload.jobId);
        const asked = job && runOf(message, job) !== "earlier" ? job : null;
        const entering = asked && stage.enter(asked, { by, note, progress: goingOn(asked.progress) });
        if (!entering) {
          jobLog.info({ status: job?.status ?? "gone" }, "nothing left to do for this message");
          return null;
        }
        try {
          return await entering;
        } catch (error) {
          // It changed between the two calls. Whether there is still something to do, its new state tells.
          if (!isLost(error)) throw error;
        }
      }
    }, message.signal);
  }

  async function perform(job: WorkingJob, message: Message<StageQueue>, jobLog: Log): Promise<Outcome | Parked> {
    using work = abortable(message.signal);
    const { signal } = work;
    const progress = createProgressWriter(store, job, (error) => work.abort(error));
    try {
      const outcome = await stage.work(job, { signal, progress: progress.report, log: jobLog });
      return { progress: progress.latest ?? undefined, ...outcome };
    } catch (error) {
      signal.throwIfAborted(); // why it had to stop says more than how the work put it
      if (error instanceof Failure) return failed(error);
      if (!(error instanceof NotNow) || error.afterMs <= longestRetryMs) throw error;
      return { to: null, ...parked(error, progress.latest ?? job.progress) };
    } finally {
      await progress.close();
    }
  }

  async function record(job: WorkingJob, end: Outcome | Parked, signal: AbortSignal, jobLog: Log): Promise<void> {
    if (end.to === null) {
      const { progress, note } = end;
      await untilStored(async () => stage.enter(job, { progress, note, by }), signal);
      return jobLog.info({ note }, "parked");
    }
    const { to, afterwards, ...change } = end;
    await untilStored(() => store.updateStatus(job, to, { ...change, by }), signal);
    jobLog.info({ to, reason: change.error?.message }, "stage done");
    await afterwards?.().catch((error: unknown) => jobLog.warn({ err: error }, "something was left behind"));
  }

  /** The last attempt failed: the job says why, then the message goes where someone can look at it. */
  async function giveUp(job: WorkingJob | string, cause: unknown, signal: AbortSignal, jobLog: Log): Promise<Verdict> {
    const reason = reasonOf(cause);
    const error = { message: reason, code: "RETRIES_EXHAUSTED", retryable: true };
    jobLog.error({ err: cause }, "last attempt failed");
    try {
      if (typeof job === "string") await untilStored(() => store.updateStatus(job, "failed", { error, by }), signal);
      else await record(job, { to: "failed", error }, signal, jobLog);
    } catch (refused) {
      // The job could not even be read, or is no longer ours to fail: the dead letter still holds the reason.
      if (signal.aborted) throw refused;
      jobLog.warn({ err: refused }, "marking the job as failed was refused");
    }
    return deadLetter(reason);
  }

  return consumeWhenReachable(broker, stage.queue, deliver, { concurrency, log });
}

function failed({ message, code, retryable, note }: Failure): Outcome {
  return { to: "failed", error: { message, code, retryable }, ...(note !== undefined && { note }) };
}

/** Why the stage begins again, for the job's history. */
function takeOverNote(message: Message<StageQueue>): string | undefined {
  if (message.attempt > 1) return `retry ${message.attempt - 1}`;
  return message.redelivered ? "taken over: the message was delivered again" : undefined;
}

/** For whoever asks about the job. The system's own messages name paths, which are nobody's business outside; the log has them. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "The work failed without saying why.";
  if ("syscall" in cause && "code" in cause) return `A file or connection failed (${cause.code} in ${cause.syscall}).`;
  return cause.message;
}
