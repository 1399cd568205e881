import type { Broker } from "./broker.js";
import type { Failure } from "./driver.js";
import { QueueError, type QueueErrorCode } from "./errors.js";

/** A method of a broker. */
export type Call = keyof Broker & string;

/** The one place where a driver's answer becomes an error that a user meets. */
export function toError(failure: Failure, { call, ...about }: Subject): QueueError {
  const subject = describe({ call, ...about });
  const unsettled = (code: QueueErrorCode, what: string, indeterminate: boolean) =>
    new QueueError(code, `${subject} ${what}.${advice(about, indeterminate)}`, { ...about, indeterminate });

  switch (failure.failure) {
    case "unavailable":
      return unsettled("UNAVAILABLE", `failed: ${failure.reason}`, failure.indeterminate);
    case "denied":
      return unsettled("UNAVAILABLE", `failed: ${failure.reason}`, false);
    case "timeout":
      return unsettled("TIMEOUT", `took too long: ${failure.reason}`, failure.indeterminate);
    case "closed":
      return unsettled("CLOSED", "failed: the broker object is closed", failure.indeterminate);
    case "unroutable":
      return new QueueError(
        "UNROUTABLE",
        `${subject} failed: the queue does not exist on the broker any more, and nothing was stored. Call again: the next ` +
          "call declares the queue, or fails with its name if operators have to create it.",
        about,
      );
    case "too large":
      return new QueueError("INVALID_PAYLOAD", `${subject} failed: ${failure.reason}.`, about);
    case "missing": {
      const { queues, command } = failure.missing;
      const names = queues.map((name) => `"${name}"`).join(", ");
      return new QueueError(
        "TOPOLOGY_MISMATCH",
        `${subject} failed: ${names} ${queues.length === 1 ? "does" : "do"} not exist, and the definition has ` +
          `declare: false. Create what is missing: ${command}`,
        about,
      );
    }
    case "mismatch": {
      const { queue, differences } = failure.mismatch;
      const found = differences.map((each) => `${each.argument} is ${each.found}, and ${each.wanted} is wanted`);
      return new QueueError(
        "TOPOLOGY_MISMATCH",
        `The queue "${queue}" exists with other settings: its ${found.join("; its ")}. ` +
          "Declare it as it is, use another name, or delete it once it is empty.",
        { ...about, queue: about.queue ?? queue },
      );
    }
  }
}

interface About {
  readonly queue?: string | undefined;
  readonly messageId?: string | undefined;
}

interface Subject extends About {
  /** None where nobody called: a consumer at work, say. */
  readonly call?: Call | undefined;
}

function describe({ call, queue, messageId }: Subject): string {
  if (queue === undefined) return "The connection";
  if (messageId !== undefined) return `Publishing message "${messageId}" to queue "${queue}"`;
  return call === undefined ? `Consuming from queue "${queue}"` : `Calling ${call} for queue "${queue}"`;
}

/** For a message that was to be published; other calls are simply made again. */
function advice({ messageId }: About, indeterminate: boolean): string {
  if (messageId === undefined) return "";
  return indeterminate ? " It may have been stored: repeat it under the same id." : " Nothing was stored.";
}
