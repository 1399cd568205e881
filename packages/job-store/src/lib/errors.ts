/**
 * Reason of an error:
 *
 * - `NOT_FOUND`: The job was never created, was deleted, or has expired. Action: A worker acknowledges its message.
 * - `CONFLICT`: The stored job has another version (`currentVersion`), or is a new job with the same id. Action: Read it again
 *   and decide if your change still applies. A worker stops.
 * - `ILLEGAL_TRANSITION`: The lifecycle does not allow the transition `from` → `to`, or the job is final (progress). Action:
 *   Treat it as a duplicate, or add the transition to `next`.
 * - `INVALID_DATA`: Data, result, progress, a payload or an index value is invalid (`issues`), or the record is too large.
 *   Nothing was changed. Action: Correct the value.
 * - `INVALID_ARGUMENT`: An id, an option or a definition is invalid, or the key prefix belongs to another definition. Nothing
 *   was changed. Action: Correct the value that the message names.
 * - `NEWER_FORMAT`: A newer version of this package stored the jobs in a format that this version cannot read
 *   (`storedFormat`, `supportedFormat`). Nothing was changed. Action: Update the package in this process. A worker waits and
 *   keeps its messages in the queue.
 * - `UNREADABLE_RECORD`: The stored record does not match the schema. With `committed: true`, the change was applied. Action:
 *   Widen the schema, or store a corrected job with `save`.
 * - `UNAVAILABLE`: Redis did not reply in time, or rejected the call. With `indeterminate: false`, nothing was changed. With
 *   `true`, the change was applied once or not at all, and will not be applied later. Action: If it is `false`, try again. If it
 *   is `true`, read the job, or repeat a change that has a snapshot or a `key`.
 * - `TIMEOUT`: The timeout of `waitFor` or `flush` has ended. Action: Call it again, or use a longer timeout.
 * - `CLOSED`: The store or the reporter was closed. Action: Close it last.
 */
export type JobStoreErrorCode =
  | "NOT_FOUND"
  | "CONFLICT"
  | "ILLEGAL_TRANSITION"
  | "INVALID_DATA"
  | "INVALID_ARGUMENT"
  | "NEWER_FORMAT"
  | "UNREADABLE_RECORD"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "CLOSED";

/** Problem with a value: its location and its description. */
export interface Issue {
  /** Path to the value, from the outermost key to the innermost. Empty: the value as a whole. */
  readonly path: readonly (string | number)[];
  /** Description of the problem. It does not repeat the value. */
  readonly message: string;
}

/** Details of an error. `JobStoreError` describes which code has which of them. */
export interface JobStoreErrorFields {
  /** Id of the job, if the call was about one. */
  readonly jobId?: string | undefined;
  /** ILLEGAL_TRANSITION: the stored status. */
  readonly from?: string | undefined;
  /** ILLEGAL_TRANSITION: the requested status. */
  readonly to?: string | undefined;
  /** CONFLICT: the stored version. */
  readonly currentVersion?: number | undefined;
  /** UNAVAILABLE: true if the call may have been applied, once; false if it was not. */
  readonly indeterminate?: boolean | undefined;
  /** UNREADABLE_RECORD: true if the change was applied and only the stored record could not be read. */
  readonly committed?: boolean | undefined;
  /** NEWER_FORMAT: format of the stored jobs. */
  readonly storedFormat?: number | undefined;
  /** NEWER_FORMAT: newest format that this version of the package supports. */
  readonly supportedFormat?: number | undefined;
  /** INVALID_DATA: the invalid values, by path. */
  readonly issues?: readonly Issue[] | undefined;
}

/** Registered symbol, so that two copies of the package (for example ESM and CommonJS) recognize each other's errors. */
const brand = Symbol.for("@subtitles/job-store/error");

/**
 * The only error class of this package. `code` names the reason, and the message describes what to do. The message never
 * contains a password, a payload or a stack of the client library.
 */
export class JobStoreError<C extends JobStoreErrorCode = JobStoreErrorCode> extends Error {
  /** Name of the class: "JobStoreError", unless a subclass has its own. It is a literal, because a minifier can rename the class. */
  override readonly name: string = "JobStoreError";
  /** Reason of the error. */
  readonly code: C;
  /** Id of the job, if the call was about one. */
  declare readonly jobId?: string;
  /** Stored status. Set for ILLEGAL_TRANSITION. */
  declare readonly from?: string;
  /** Requested status. Set for ILLEGAL_TRANSITION. */
  declare readonly to?: string;
  /** Version that is stored now. Set for CONFLICT. */
  declare readonly currentVersion?: number;
  /**
   * True if the call was carried out once or not at all; false if it was not carried out. It is never carried out later. Set
   * for UNAVAILABLE.
   */
  declare readonly indeterminate?: boolean;
  /** True if the change was made and only the returned job could not be read. Set for UNREADABLE_RECORD from a write. */
  declare readonly committed?: boolean;
  /** Format of the stored jobs. Set for NEWER_FORMAT. */
  declare readonly storedFormat?: number;
  /** Newest format that this version of the package supports. Set for NEWER_FORMAT. */
  declare readonly supportedFormat?: number;
  /** Location and description of each problem. Set for INVALID_DATA. */
  declare readonly issues?: readonly Issue[];

  constructor(code: C, message: string, fields: JobStoreErrorFields = {}) {
    super(message);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  /** Returns true for a JobStoreError. Works across duplicate copies of the package (ESM and CommonJS). */
  static is(value: unknown): value is JobStoreError;
  /** Returns true for a JobStoreError with this code. */
  static is<C extends JobStoreErrorCode>(value: unknown, code: C): value is JobStoreError<C>;
  static is(value: unknown, code?: JobStoreErrorCode): boolean {
    if (!(isError(value) && brand in value)) return false;
    return code === undefined || ("code" in value && value.code === code);
  }
}

/**
 * Returns true for every error, including an error of another realm. In Jest, for example, the errors of Node's own modules are
 * not instances of the `Error` of the tests.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || /^\[object (?:Error|DOMException)\]$/.test(Object.prototype.toString.call(value));
}

const NOTHING_CHANGED = " Nothing was changed. Try again.";

/** Creates the error for a storage that did not reply. @param indeterminate true if the call may have been carried out */
export function unavailable(message: string, indeterminate: boolean): JobStoreError<"UNAVAILABLE"> {
  const outcome = indeterminate
    ? " The change may have been applied once, and will not be applied later. Read the job to find out."
    : NOTHING_CHANGED;
  return new JobStoreError("UNAVAILABLE", message + outcome, { indeterminate });
}

/** Returns the error of a call that an earlier attempt may have carried out, from the error of its last attempt. */
export function asIndeterminate(error: unknown): unknown {
  if (!JobStoreError.is(error) || error.indeterminate === true) return error;
  return unavailable(error.message.replace(NOTHING_CHANGED, ""), true);
}

/** Creates the error for a record that cannot be read. */
export function unreadable(jobId: string, reason: string): JobStoreError<"UNREADABLE_RECORD"> {
  return new JobStoreError("UNREADABLE_RECORD", `${unreadableSubject(jobId)}${reason}.`, { jobId, committed: false });
}

/** Returns the reason that `unreadable` got. */
export function unreadableReason(jobId: string, { message }: JobStoreError<"UNREADABLE_RECORD">): string {
  return message.slice(unreadableSubject(jobId).length, -1);
}

function unreadableSubject(jobId: string): string {
  return `Job ${jobId} cannot be read: `;
}

/** Creates the error for a job that does not exist. */
export function notFound(jobId: string): JobStoreError<"NOT_FOUND"> {
  const message = `Job ${jobId} not found: it was never created, was deleted, or has expired.`;
  return new JobStoreError("NOT_FOUND", message, { jobId });
}
