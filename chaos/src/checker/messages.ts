import type { WorkerReported } from "../journal.js";
import { kinds } from "../workload.js";
import { type Check, groupBy, type Recording, type Violation } from "./recording.js";

/** Checks that a change was stored if and only if its message was received, and that the message names the operation of the change. */
export const messages: Check = (recording) => {
  const expected = expectedMessages(recording);
  const received = receivedMessages(recording);
  const { outbox, queues } = recording.final;
  const violated = (about: string, details: string): Violation => ({
    guarantee: "a change and its message are stored together",
    about,
    details,
  });
  return [
    ...[...expected]
      .filter(([id]) => !received.has(id))
      .map(([id]) => violated(id, "the change was stored, but its message was not received")),
    ...[...received].flatMap(([id, copies]) => {
      const op = expected.get(id);
      if (op === undefined) return [violated(id, "the message was received, but its change was not stored")];
      const other = copies.find((copy) => copy.op !== null && copy.op !== op);
      return other === undefined ? [] : [violated(id, `the message names the operation ${other.op}, expected ${op}`)];
    }),
    ...queues.flatMap(({ name, dead, left }) => [
      ...(dead > 0 ? [violated(name, `${dead} messages were dead-lettered`)] : []),
      ...(left > 0 ? [violated(name, `${left} messages are left`)] : []),
    ]),
    ...(outbox.depth > 0 ? [violated("outbox", `${outbox.depth} messages are left`)] : []),
    ...(outbox.rejected > 0 ? [violated("outbox", `${outbox.rejected} messages were rejected`)] : []),
  ];
};

/** Returns the id of the message that a worker looked at. Not those that a run published without a change. */
export function requestOf({ event: { type, messageId } }: WorkerReported): readonly string[] {
  const looked = (type === "started" || type === "skipped") && messageId !== undefined;
  return looked && !/\.asked\.\d+$/.test(messageId) ? [messageId] : [];
}

/** Returns all copies of the received messages, by id. The operation is null if the worker does not report it. */
function receivedMessages({ received, workerEvents }: Recording) {
  const requests = workerEvents.flatMap(requestOf).map((id) => ({ id, op: null }));
  return groupBy<{ readonly id: string; readonly op: string | null }>([...received, ...requests], ({ id }) => id);
}

/** Returns the operations of the stored changes that have a message, by the id of the message. */
function expectedMessages({ operations, final }: Recording): ReadonlyMap<string, string> {
  const withMessage = new Set(operations.filter(({ queue }) => queue !== undefined).map(({ op }) => op));
  return new Map(
    final.log.flatMap((event) => {
      if (!("to" in event)) return [];
      const isSent = event.job.startsWith(kinds.sent) && event.to === "todo";
      return isSent || withMessage.has(event.by) ? [[`${event.job}.${event.version}.0`, event.by] as const] : [];
    }),
  );
}
