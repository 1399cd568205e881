import { isError } from "./is-error.js";

/**
 * What went wrong:
 *
 * - `INVALID_ARGUMENT`: a name, id, header, limit or option that can never be right. Nothing was sent.
 * - `INVALID_PAYLOAD`: the queue's schema refuses the payload, or it is not JSON, or it is too large. Nothing was stored.
 * - `UNROUTABLE`: the broker took the message and had no queue for it. It was not stored.
 * - `UNAVAILABLE`: the broker could not be reached, or refused; `indeterminate` tells whether the message may be stored.
 * - `TIMEOUT`: the broker is connected and did not answer in time; `indeterminate` as above.
 * - `CLOSED`: the broker object was closed before or during the call.
 * - `TOPOLOGY_MISMATCH`: a queue of this name exists with other settings, which the error's message lists; or a queue with
 *   `declare: false` does not exist, and the message shows the command that creates it.
 */
export type QueueErrorCode =
  | "INVALID_PAYLOAD"
  | "INVALID_ARGUMENT"
  | "UNROUTABLE"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "CLOSED"
  | "TOPOLOGY_MISMATCH";

/** What an error tells besides its code. */
export interface QueueErrorFields {
  /** The queue's name, without prefix. */
  readonly queue?: string | undefined;
  /** The message it is about. */
  readonly messageId?: string | undefined;
  /** See `QueueError.indeterminate`. */
  readonly indeterminate?: boolean | undefined;
}

/** Registered, so that two copies of the package recognise each other's errors. */
const brand = Symbol.for("@subtitles/queue/error");

/**
 * The one error of this package. `code` says what happened and the message what to do about it; neither carries a
 * password, a payload or an object of the client library.
 */
export class QueueError<C extends QueueErrorCode = QueueErrorCode> extends Error {
  /** Always "QueueError". */
  override readonly name = "QueueError";
  /** What happened: see `QueueErrorCode`. */
  readonly code: C;
  /** The queue's name, without prefix. */
  declare readonly queue?: string;
  /** The message it is about. */
  declare readonly messageId?: string;
  /** True if the message may have been stored although no confirm came; false if it certainly was not. */
  declare readonly indeterminate?: boolean;

  /** For drivers and tests of your own; the package makes its errors itself. */
  constructor(code: C, message: string, fields: QueueErrorFields = {}) {
    super(message);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  /** Whether `value` is an error of this package. Works across copies of the package. */
  static is(value: unknown): value is QueueError;
  /** Whether it is one of this code. */
  static is<C extends QueueErrorCode>(value: unknown, code: C): value is QueueError<C>;
  static is(value: unknown, code?: QueueErrorCode): boolean {
    return isError(value) && brand in value && (code === undefined || ("code" in value && value.code === code));
  }
}
