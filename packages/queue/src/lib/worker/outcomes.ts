import type { JobFailure } from "@subtitles/job-store";
import { shorten } from "../text.js";
import { delayOf, JobFailed, RetryLater } from "./errors.js";
import { failureText, retriedText } from "./failure-text.js";
import type { WorkerSettings } from "./options.js";
import type { WorkerChange } from "./worker-store.js";

/** Change that ends a run, and the event that reports it. */
export interface Ending {
  readonly event: "done" | "failed" | "postponed" | "retrying";
  readonly to: string;
  readonly change: WorkerChange;
  /** Sentence for the event, which begins after the name of the job. */
  readonly text: string;
  readonly error?: unknown;
  /** Time until which the queue is to be paused, and the reason. Absent: it is not to be paused. */
  readonly pause?: { readonly until: Date; readonly reason: string };
}

/**
 * Code in `error.code` of a job that failed without a `JobFailed`:
 *
 * - `RETRIES_EXHAUSTED`: `run` threw an error in the attempt after the last retry delay. Action: Correct the cause, which is in
 *   `error.message`, and retry the job.
 * - `WORKER_LOST`: Five workers in succession stopped while they ran the job. Action: Look for crashes, lack of memory and a
 *   blocked event loop in the logs of the workers.
 * - `INVALID_OUTCOME`: `run` returned an unknown status, or values that the schemas do not accept. Action: Correct `run`.
 * - `INVALID_PAYLOAD`: The message of the job could not be read. Action: Increase `version` of the queue, and add an `upcast`.
 * - `DEAD_LETTERED`: RabbitMQ dead-lettered the message of the job, for example at the delivery limit. Action: Look for crashes
 *   in the logs of the workers, and retry the job.
 */
export type FailureCode = "RETRIES_EXHAUSTED" | "WORKER_LOST" | "INVALID_OUTCOME" | "INVALID_PAYLOAD" | "DEAD_LETTERED";

type Lifecycle = Pick<WorkerSettings, "working" | "failed" | "outcomes">;

/** Returns the ending for the value that `run` returned. */
export function endingOfValue(value: unknown, lifecycle: Lifecycle): Ending {
  if (typeof value !== "object" || value === null || !("to" in value) || typeof value.to !== "string") {
    return invalidOutcome("The work returned no outcome: an object with the next status in `to`.", lifecycle);
  }
  const { to, ...change } = value;
  if (!lifecycle.outcomes.has(to)) {
    const problem = `The work returned the status "${shorten(to)}", which does not follow "${lifecycle.working}".`;
    return invalidOutcome(problem, lifecycle);
  }
  return { event: to === lifecycle.failed ? "failed" : "done", to, change, text: `changed to "${to}".` };
}

/** Returns the ending for an outcome that the store refused because of its contents. */
export function endingOfRefusal(error: unknown, lifecycle: Lifecycle): Ending {
  return { ...invalidOutcome(failureText(error), lifecycle), error };
}

/** Returns the ending for a job that its workers did not survive. */
export function endingOfLostWorkers(expiredLeases: number, lifecycle: Lifecycle): Ending {
  const message = `${expiredLeases} workers in succession stopped without an outcome while they ran the job.`;
  return failure({ message, code: "WORKER_LOST" satisfies FailureCode, retryable: true }, lifecycle);
}

/** Returns the ending for a value that `run` threw. */
export function endingOfError(
  error: unknown,
  failedAttempts: number,
  lifecycle: Lifecycle & Pick<WorkerSettings, "queue">,
): Ending {
  const own = readOwnError(error, lifecycle);
  if (own !== null) return { ...own, error };
  const message = retriedText(error);
  const { retryDelaysMs } = lifecycle.queue;
  const delayMs = retryDelaysMs[failedAttempts];
  if (delayMs === undefined) {
    const exhausted = failure({ message, code: "RETRIES_EXHAUSTED" satisfies FailureCode, retryable: true }, lifecycle);
    return { ...exhausted, change: { ...exhausted.change, failedAttempt: true }, error };
  }
  return {
    event: "retrying",
    to: lifecycle.working,
    // A lease has at least one millisecond.
    change: { leaseMs: Math.max(1, delayMs), failedAttempt: true, note: message },
    text: `failed in attempt ${failedAttempts + 1} of ${retryDelaysMs.length + 1}, and is retried after ${delayMs} ms. ${message}`,
    error,
  };
}

/** Returns the ending for a `JobFailed` or a `RetryLater`; null for any other value, and for one whose properties cannot be read. */
function readOwnError(error: unknown, lifecycle: Lifecycle): Ending | null {
  try {
    if (JobFailed.is(error)) {
      const { code, retryable, note } = error;
      const text = {
        message: failureText(error),
        ...(typeof code === "string" && { code }),
        retryable: retryable === true,
      };
      return failure(text, lifecycle, typeof note === "string" ? note : undefined);
    }
    if (!RetryLater.is(error)) return null;
    const leaseMs = delayOf(error);
    if (!Number.isSafeInteger(leaseMs)) return null;
    const note = failureText(error);
    return {
      event: "postponed",
      to: lifecycle.working,
      change: { leaseMs, note },
      text: `was postponed by ${leaseMs} ms. ${note}`,
      ...(error.pauseQueue === true && { pause: { until: new Date(Date.now() + leaseMs), reason: note } }),
    };
  } catch {
    return null;
  }
}

function invalidOutcome(message: string, lifecycle: Lifecycle): Ending {
  return failure({ message, code: "INVALID_OUTCOME" satisfies FailureCode, retryable: false }, lifecycle);
}

function failure(error: JobFailure, { failed }: Lifecycle, note?: string): Ending {
  const change = { error, ...(note !== undefined && { note }) };
  return { event: "failed", to: failed, change, text: `failed (${error.code ?? "no code"}): ${error.message}` };
}
