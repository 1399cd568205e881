/**
 * Code of an error:
 *
 * - `INVALID_ARGUMENT`: A name, an id, a header, a limit or an option is invalid. Nothing was sent. Action: Correct the value
 *   that the message names.
 * - `INVALID_PAYLOAD`: The payload does not match the queue's schema, is not JSON, or is too large. Nothing was stored. Action:
 *   Correct the publisher.
 * - `UNROUTABLE`: The queue does not exist on the broker. The message was not stored. Action: Publish again. The next call
 *   declares the queue, or with `declare: false`, its error names the missing queue.
 * - `UNAVAILABLE`: The broker is unreachable or rejected the call. With `indeterminate: true`, the message may have been stored.
 *   Action: Publish again with the same id.
 * - `TIMEOUT`: The broker is connected and did not reply within the timeout. `indeterminate` as for `UNAVAILABLE`. Action:
 *   Publish again with the same id.
 * - `CLOSED`: The broker object or the consumer was closed before or during the call. Action: Close it last.
 * - `TOPOLOGY_MISMATCH`: A queue of this name exists with other arguments, and the message lists them. Or a queue with
 *   `declare: false` does not exist, and the message shows the command that creates it. Action: Drain and delete the queue, use
 *   another name, or run the command.
 */
export type QueueErrorCode =
  | "INVALID_PAYLOAD"
  | "INVALID_ARGUMENT"
  | "UNROUTABLE"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "CLOSED"
  | "TOPOLOGY_MISMATCH";

/** Fields of an error in addition to its code. */
export interface QueueErrorFields {
  /** Name of the queue, without prefix. */
  readonly queue?: string | undefined;
  /** Id of the affected message. */
  readonly messageId?: string | undefined;
  /** Value of `QueueError.indeterminate`. */
  readonly indeterminate?: boolean | undefined;
}

/** Mark of the errors of this package. It is a registered symbol, so two copies of the package recognize each other's errors. */
const brand = Symbol.for("@subtitles/queue/error");

/**
 * Error of this package. `code` identifies the problem, and the message describes it and the next action. Neither contains a
 * password, a payload or an object of the client library.
 */
export class QueueError<C extends QueueErrorCode = QueueErrorCode> extends Error {
  /** Name of the class: "QueueError", unless a subclass has its own. */
  override readonly name: string = "QueueError";
  /** Code of the error. */
  readonly code: C;
  /** Name of the queue, without prefix. */
  declare readonly queue?: string;
  /** Id of the affected message. */
  declare readonly messageId?: string;
  /** True if the message may have been stored although no confirm arrived; false if it was not stored. */
  declare readonly indeterminate?: boolean;

  /** Creates an error. Only custom drivers and tests need it. */
  constructor(code: C, message: string, fields: QueueErrorFields = {}) {
    super(message);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  /** Returns true if `value` is an error of this package, also of another copy of the package. */
  static is(value: unknown): value is QueueError;
  /** Returns true if `value` is an error of this package with this code. */
  static is<C extends QueueErrorCode>(value: unknown, code: C): value is QueueError<C>;
  static is(value: unknown, code?: QueueErrorCode): boolean {
    return isError(value) && brand in value && (code === undefined || ("code" in value && value.code === code));
  }
}

/**
 * Returns true for every error, including an error of another realm. Jest and `vm` run code in a realm whose `Error` is not
 * the `Error` of Node's own modules, so `instanceof` alone does not recognize the errors of `fetch` or of a socket there.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || ERRORS.has(Object.prototype.toString.call(value));
}

const ERRORS: ReadonlySet<string> = new Set(["[object Error]", "[object DOMException]"]);
