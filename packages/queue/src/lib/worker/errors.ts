import { checkKeys, invalid, MAX_DELAY_MS } from "../arguments.js";
import { isError } from "../errors.js";

/** Marks of the errors. They are registered symbols, so that two copies of the package recognize each other's errors. */
const JOB_FAILED = Symbol.for("@subtitles/queue/job-failed");
const RETRY_LATER = Symbol.for("@subtitles/queue/retry-later");

/** Thrown by `run` to fail the job without retries. `message`, `code` and `retryable` are stored as the job's error. */
export class JobFailed extends Error {
  /** Name of the class: "JobFailed", unless a subclass has its own. */
  override readonly name: string = "JobFailed";
  /** Code of the stored error. */
  readonly code: string | undefined;
  /** True if another run can succeed. */
  readonly retryable: boolean;
  /** Remark for the history of the job. */
  readonly note: string | undefined;

  /**
   * @param options.code code of the stored error
   * @param options.retryable true if another run can succeed. @default false
   * @param options.note remark for the history of the job
   * @param options.cause cause of this error, for logs. It is not stored
   */
  constructor(
    message: string,
    options: {
      readonly code?: string;
      readonly retryable?: boolean;
      readonly note?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.note = options.note;
    Object.defineProperty(this, JOB_FAILED, { value: true });
  }

  /** Recognizes instances from other copies of the package and other realms, as the worker does. */
  static is(value: unknown): value is JobFailed {
    return isError(value) && JOB_FAILED in value;
  }
}

const WHEN_KEYS = { afterMs: true, at: true, pauseQueue: true } as const;

/** Shortest postponement of a job in milliseconds. */
const MIN_DELAY_MS = 1_000;

/**
 * Thrown by `run` to postpone the job. The job stays in `working` with a lease until then (`leasedUntil`) and a note in its history;
 * when the lease ends, the store sends its message again, within a second if a relay runs. Messages that arrive earlier are skipped.
 * Uses no attempt. Range: 1 second to 366 days; a shorter delay becomes 1 second. `at` refers to the clock of this process. To end
 * the wait early, call `renewLeases([job], 0)`.
 *
 * With `pauseQueue: true`, it also pauses the worker's queue for all workers until then, for a provider that refuses all requests. It never
 * shortens a pause, and never replaces one without an end. See `JobStore.pauseQueue`.
 */
export class RetryLater extends Error {
  /** Name of the class: "RetryLater", unless a subclass has its own. */
  override readonly name: string = "RetryLater";
  /** Time at which the job continues. */
  readonly at: Date;
  /** True: the worker's queue is paused until then. */
  readonly pauseQueue: boolean;

  /**
   * @throws QueueError INVALID_ARGUMENT if the delay is longer than 366 days or not a number, or `when` has an unknown key
   */
  constructor(
    message: string,
    when: (
      | {
          /** Time until the job continues, in milliseconds, 1 second to 366 days. A shorter time becomes 1 second. */
          readonly afterMs: number;
        }
      | {
          /** Time at which the job continues, by the clock of this process, with the same range. */
          readonly at: Date;
        }
    ) & {
      /** True: also pauses the worker's queue for all workers until then. @default false */
      readonly pauseQueue?: boolean | undefined;
    },
  ) {
    super(message);
    const at = timeOf(when);
    if (Number.isNaN(at)) invalid("RetryLater needs `afterMs`, a number of milliseconds, or `at`, a valid Date.");
    const delayMs = at - Date.now();
    if (delayMs > MAX_DELAY_MS) {
      invalid(`A job can be postponed by at most 366 days, ${MAX_DELAY_MS} ms (got ${delayMs} ms).`);
    }
    // An earlier time, also one out of the range of dates, means that the job continues as soon as possible.
    this.at = new Date(Math.max(0, at));
    this.pauseQueue = when.pauseQueue === true;
    Object.defineProperty(this, RETRY_LATER, { value: true });
  }

  /** Recognizes instances from other copies of the package and other realms, as the worker does. */
  static is(value: unknown): value is RetryLater {
    return isError(value) && RETRY_LATER in value;
  }
}

/** Returns the time at which the job continues, in milliseconds since 1970; NaN if it is not valid. */
function timeOf(when: unknown): number {
  if (typeof when !== "object" || when === null) return Number.NaN;
  checkKeys(when, WHEN_KEYS, "The second argument of RetryLater");
  if ("afterMs" in when) return typeof when.afterMs === "number" ? Date.now() + when.afterMs : Number.NaN;
  // A Date of another realm is an instance of another class.
  return "at" in when && Object.prototype.toString.call(when.at) === "[object Date]" ? Number(when.at) : Number.NaN;
}

/** Returns the time in milliseconds until the job of a `RetryLater` continues: 1 second to 366 days. */
export function delayOf({ at }: RetryLater): number {
  return Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, Math.ceil(Number(at) - Date.now())));
}
