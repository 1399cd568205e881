import type { Failure } from "./driver.js";
import { QueueError, type QueueErrorCode } from "./errors.js";
import type { Broker } from "./types.js";

/** Name of a method of a broker. */
export type BrokerMethod = keyof Broker & string;

interface FailureContext {
  readonly queue?: string | undefined;
  readonly messageId?: string | undefined;
  /** Method that failed. Absent if the failure occurred outside of a call, for example while consuming. */
  readonly call?: BrokerMethod | undefined;
}

/** Converts a driver's failure to the error that the user receives. All failures are converted here. */
export function toError(failure: Failure, { call, queue, messageId }: FailureContext): QueueError {
  const fields = { queue, messageId };
  const subject = describeCall({ call, queue, messageId });
  const error = (code: QueueErrorCode, problem: string, indeterminate: boolean) => {
    const storage = messageId === undefined ? "" : describeStorage(indeterminate);
    return new QueueError(code, `${subject} ${problem}.${storage}`, { ...fields, indeterminate });
  };

  switch (failure.failure) {
    case "unavailable":
      return error("UNAVAILABLE", `failed: ${failure.reason}`, failure.indeterminate);
    case "denied":
      return error("UNAVAILABLE", `failed: ${failure.reason}`, false);
    case "timeout":
      return error("TIMEOUT", `timed out: ${failure.reason}`, failure.indeterminate);
    case "closed":
      return error("CLOSED", "failed: this broker object was closed with close()", failure.indeterminate);
    case "unroutable":
      return new QueueError(
        "UNROUTABLE",
        `${subject} failed: the queue does not exist on the broker; it may have been deleted. Nothing was stored. Call again: ` +
          "the next call declares the queue, or fails with its name if operators create it (declare: false).",
        fields,
      );
    case "too large":
      return new QueueError("INVALID_PAYLOAD", `${subject} failed: ${failure.reason}.`, fields);
    case "missing": {
      const { queues, command } = failure.missing;
      const names = queues.map((name) => `"${name}"`).join(", ");
      return new QueueError(
        "TOPOLOGY_MISMATCH",
        `${subject} failed: ${names} ${queues.length === 1 ? "does" : "do"} not exist, and the definition has ` +
          `declare: false. Run this command to create the missing queues: ${command}`,
        fields,
      );
    }
    case "mismatch": {
      const { mismatch } = failure;
      const differences = mismatch.differences.map(
        ({ argument, actual, expected }) => `${argument} is ${actual}, expected ${expected}`,
      );
      return new QueueError(
        "TOPOLOGY_MISMATCH",
        `Queue "${mismatch.queue}" exists with other arguments: ${differences.join("; ")}. ` +
          "Drain and delete the queue, or use another name.",
        { ...fields, queue: queue ?? mismatch.queue },
      );
    }
  }
}

function describeCall({ call, queue, messageId }: FailureContext): string {
  if (queue === undefined) return "The connection to the broker";
  if (messageId !== undefined) return `Publishing message "${messageId}" to queue "${queue}"`;
  return call === undefined ? `Consuming from queue "${queue}"` : `Calling ${call} for queue "${queue}"`;
}

function describeStorage(indeterminate: boolean): string {
  if (!indeterminate) return " Nothing was stored.";
  return " The message may have been stored. Publish it again with the same id.";
}
