import { kinds } from "../workload.js";
import { type Check, groupBy, type Recording, type Violation } from "./recording.js";

/** Checks that a change was stored if and only if its message was received, and that all copies have the id of the change. */
export const messages: Check = (recording) => {
  const expected = expectedMessages(recording);
  const received = groupBy(recording.received, ({ op }) => op);
  const { outbox, queues } = recording.final;
  const violated = (about: string, details: string): Violation => ({
    guarantee: "a change and its message are stored together",
    about,
    details,
  });
  return [
    ...[...expected]
      .filter(([op]) => !received.has(op))
      .map(([op]) => violated(op, "the change was stored, but its message was not received")),
    ...[...received].flatMap(([op, copies]) => {
      const id = expected.get(op);
      if (id === undefined) return [violated(op, "the message was received, but its change was not stored")];
      const [other] = copies.filter((copy) => copy.id !== id);
      return other === undefined ? [] : [violated(op, `the message has the id ${other.id}, expected ${id}`)];
    }),
    ...queues.flatMap(({ name, dead, left }) => [
      ...(dead > 0 ? [violated(name, `${dead} messages were dead-lettered`)] : []),
      ...(left > 0 ? [violated(name, `${left} messages are left`)] : []),
    ]),
    ...(outbox.depth > 0 ? [violated("outbox", `${outbox.depth} messages are left`)] : []),
    ...(outbox.rejected > 0 ? [violated("outbox", `${outbox.rejected} messages were rejected`)] : []),
  ];
};

/** Returns the ids of the messages that belong to stored changes, by operation id. */
function expectedMessages({ operations, final }: Recording): ReadonlyMap<string, string> {
  const withMessage = new Set(operations.filter(({ queue }) => queue !== undefined).map(({ op }) => op));
  return new Map(
    final.log.flatMap((event) =>
      "to" in event && withMessage.has(event.by) ? [[event.by, `${event.job}.${event.version}.0`] as const] : [],
    ),
  );
}

/** Checks that every job of the `work` queue was done exactly once. */
export const workDone: Check = ({ final }) =>
  final.jobs
    .filter(({ id }) => id.startsWith(kinds.work))
    .flatMap(({ id, status, history }) => {
      const times = history.filter(({ to }) => to === "done").length;
      if (status === "done" && times === 1) return [];
      const details = `the job is "${status}" and was done ${times} times`;
      return [{ guarantee: "accepted work is done exactly once", about: id, details }];
    });
