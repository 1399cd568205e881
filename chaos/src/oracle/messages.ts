import { kinds } from "../subject.js";
import { type Check, groupedBy, type Run, type Violation } from "./run.js";

/** A change and its message are there together or not at all, and a message keeps the id that its change gave it. */
export const messages: Check = (run) => {
  const owed = owedMessages(run);
  const received = groupedBy(run.received, ({ op }) => op);
  const broken = (about: string, words: string): Violation => ({
    promise: "messages and changes belong together",
    about,
    words,
  });
  return [
    ...[...owed].filter(([op]) => !received.has(op)).map(([op]) => broken(op, "made, and its message never came")),
    ...[...received].flatMap(([op, copies]) => {
      const id = owed.get(op);
      if (id === undefined) return [broken(op, "its message came, and the change was not made")];
      const [other] = copies.filter((copy) => copy.id !== id);
      return other === undefined ? [] : [broken(op, `its message came as ${other.id} instead of ${id}`)];
    }),
    ...run.final.queues.flatMap(({ name, dead, left }) => [
      ...(dead > 0 ? [broken(name, `${dead} messages were given up`)] : []),
      ...(left > 0 ? [broken(name, `${left} messages are left`)] : []),
    ]),
    ...(run.final.outbox.depth > 0 ? [broken("outbox", `${run.final.outbox.depth} messages are left`)] : []),
    ...(run.final.outbox.rejected > 0 ? [broken("outbox", `${run.final.outbox.rejected} were set aside`)] : []),
  ];
};

/** By operation, the id of the message that its change carries. */
function owedMessages({ operations, final }: Run): ReadonlyMap<string, string> {
  const carrying = new Set(operations.filter(({ queue }) => queue !== undefined).map(({ op }) => op));
  return new Map(
    final.log.flatMap((event) =>
      "to" in event && carrying.has(event.by) ? [[event.by, `${event.job}.${event.version}.0`] as const] : [],
    ),
  );
}

/** What was accepted as work is done, and done once. */
export const workDone: Check = ({ final }) =>
  final.jobs
    .filter(({ id }) => id.startsWith(kinds.work))
    .flatMap(({ id, status, history }) => {
      const times = history.filter(({ to }) => to === "done").length;
      if (status === "done" && times === 1) return [];
      return [{ promise: "accepted work is done", about: id, words: `is ${status}, and was done ${times} times` }];
    });
