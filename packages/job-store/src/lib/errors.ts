import { isError } from "./is-error.js";

/** What went wrong, for programs. */
export type JobStoreErrorCode =
  | "NOT_FOUND"
  | "CONFLICT"
  | "ILLEGAL_TRANSITION"
  | "INVALID_DATA"
  | "INVALID_ARGUMENT"
  | "UNREADABLE_RECORD"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "CLOSED";

/** Where a value was refused, and why. */
export interface Issue {
  /** From the outside in; empty: the value as a whole. */
  readonly path: readonly (string | number)[];
  /** What would be right. It does not repeat the value. */
  readonly message: string;
}

/** Details of an error, next to its code and message. `JobStoreError` describes which code has which of them. */
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
  /** INVALID_DATA: the invalid values, by path. */
  readonly issues?: readonly Issue[] | undefined;
}

/** Registered, so that two copies of the package (ESM and CommonJS, say) recognise each other's errors. */
const brand = Symbol.for("@subtitles/job-store/error");

/**
 * The one error of this package. `code` says what happened, the message what to do about it; neither ever carries a
 * password, a payload or a stack of the client library.
 */
export class JobStoreError<C extends JobStoreErrorCode = JobStoreErrorCode> extends Error {
  /** The same in every copy of the package, also where its code was made smaller. */
  override readonly name = "JobStoreError";
  /** What happened. See the README for what to do about each. */
  readonly code: C;
  /** The job that the call was about, where it was about one. */
  declare readonly jobId?: string;
  /** ILLEGAL_TRANSITION: the status that is stored. */
  declare readonly from?: string;
  /** ILLEGAL_TRANSITION: the status that was asked for. */
  declare readonly to?: string;
  /** CONFLICT: the version that is stored now. */
  declare readonly currentVersion?: number;
  /** UNAVAILABLE: false where the call was never carried out; true where it was carried out once or not at all. Never later. */
  declare readonly indeterminate?: boolean;
  /** UNREADABLE_RECORD from a write: true where the change was made and only what came back could not be read. */
  declare readonly committed?: boolean;
  /** INVALID_DATA: where, and what was wrong. */
  declare readonly issues?: readonly Issue[];

  constructor(code: C, message: string, fields: JobStoreErrorFields = {}) {
    super(message);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  /** Whether `value` is an error of this package, of this code where one is given. Works across copies of the package. */
  static is(value: unknown): value is JobStoreError;
  /** Whether it is one of this code: what the error carries besides is known then. */
  static is<C extends JobStoreErrorCode>(value: unknown, code: C): value is JobStoreError<C>;
  static is(value: unknown, code?: JobStoreErrorCode): boolean {
    if (!(isError(value) && brand in value)) return false;
    return code === undefined || ("code" in value && value.code === code);
  }
}

const NOT_CARRIED_OUT = " The call was not carried out.";

/** The place of the jobs gave no answer. `indeterminate`: the call may have been carried out. */
export function unavailable(message: string, indeterminate: boolean): JobStoreError<"UNAVAILABLE"> {
  const outcome = indeterminate
    ? " The call was carried out once or not at all, and will not be carried out later."
    : NOT_CARRIED_OUT;
  return new JobStoreError("UNAVAILABLE", message + outcome, { indeterminate });
}

/** Returns the error of a call that an earlier attempt may have carried out, from the error of its last attempt. */
export function asIndeterminate(error: unknown): unknown {
  if (!JobStoreError.is(error) || error.indeterminate === true) return error;
  return unavailable(error.message.replace(NOT_CARRIED_OUT, ""), true);
}
