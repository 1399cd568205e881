/**
 * Work that fails, and would fail the same way if it were tried again at once. A worker that throws it fails the job with
 * this code and message, which say what happened and what to do, and quote nothing secret.
 */
export class Failure extends Error {
  override readonly name: string = "Failure";
  /** Trying again later may help. */
  readonly retryable: boolean;
  /** Said in the job's history besides. */
  readonly note: string | undefined;

  constructor(
    readonly code: string,
    message: string,
    options: { readonly retryable?: boolean | undefined; readonly note?: string | undefined } = {},
  ) {
    super(message);
    this.retryable = options.retryable ?? false;
    this.note = options.note;
  }
}

/**
 * Work that cannot be done now, but can after `afterMs`. Up to the queue's longest retry delay that is a retry like another;
 * for longer the job is parked: it keeps its status, says until when it waits, and uses up no retry.
 */
export class NotNow extends Error {
  override readonly name = "NotNow";

  constructor(
    message: string,
    /** Milliseconds. */
    readonly afterMs: number,
  ) {
    super(message);
  }
}
