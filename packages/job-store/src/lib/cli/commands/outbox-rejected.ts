import type { OutboxEntry } from "../../outbox.js";
import { type Context, MAX_PAGE } from "../command.js";
import { type Column, count } from "../output.js";
import { EXIT, STORE_MESSAGE_COMMAND, UsageError } from "../usage.js";
import type { OutboxAction } from "./outbox-scheduled.js";

const COLUMNS: readonly Column[] = [
  ["entry", ({ entryId }) => entryId],
  ["stored", ({ at }) => at],
  ["job", ({ jobId }) => jobId],
  ["queue", ({ queue }) => queue],
  ["reason", ({ reason }) => reason],
];

const NEXT_ACTIONS =
  "To publish a message after the relay was fixed: outbox requeue <entry>. If the queue name or the payload is wrong: " +
  `outbox drop <entry>, then ${STORE_MESSAGE_COMMAND}`;

/** Shows the oldest rejected messages. */
export async function showRejected({ store, output }: Context): Promise<number> {
  const entries = await store.outbox.rejected({ limit: MAX_PAGE });
  output.rows(entries, COLUMNS);
  if (entries.length === MAX_PAGE) {
    output.note(`Only the oldest ${MAX_PAGE} of ${await store.outbox.countRejected()} are shown.`);
  }
  if (entries.length > 0) output.note(NEXT_ACTIONS);
  return EXIT.done;
}

/** Change of rejected messages. */
interface Change {
  readonly name: string;
  readonly question: (messages: string) => string;
  /** Past participle, for the output. */
  readonly done: string;
  /** True if the change deletes messages. It is then confirmed even if each message was named. */
  readonly isDestructive: boolean;
  /** Note that is printed after the change. */
  readonly hint?: string;
  apply(context: Context, entryIds: readonly string[]): Promise<void>;
}

export const requeue = onRejected({
  name: "requeue",
  question: (messages) => `Requeue ${messages}?`,
  done: "requeued",
  isDestructive: false,
  hint: "A message that a relay still cannot publish is rejected again. Check with: outbox --rejected",
  apply: ({ store }, entryIds) => store.outbox.requeue(entryIds),
});

export const drop = onRejected({
  name: "drop",
  question: (messages) => `Drop ${messages} permanently? The jobs are not changed.`,
  done: "dropped",
  isDestructive: true,
  apply: ({ store }, entryIds) => store.outbox.ack(entryIds),
});

/** Returns the action that makes a change of the given messages, or of all rejected ones. */
function onRejected(change: Change): OutboxAction {
  return {
    check({ rejected, all }, entryIds) {
      if (rejected === true) {
        throw new UsageError(
          `outbox ${change.name} does not support --rejected: it always applies to rejected messages.`,
        );
      }
      if ((entryIds.length === 0) !== (all === true)) {
        throw new UsageError(
          "No messages given. Use their entry ids, as outbox --rejected lists them, or --all, but not both.",
        );
      }
    },
    run: (context, entryIds) =>
      entryIds.length > 0 ? changeNamed(context, change, entryIds) : changeAll(context, change),
  };
}

async function changeNamed(context: Context, change: Change, entryIds: readonly string[]): Promise<number> {
  const { store, output, confirm } = context;
  const rejected = new Map(
    (await store.outbox.rejected({ limit: MAX_PAGE })).map((entry) => [entry.entryId, entry] as const),
  );
  const entries = [...new Set(entryIds)].flatMap((id) => rejected.get(id) ?? []);
  const unknown = entryIds.filter((id) => !rejected.has(id));
  for (const id of unknown) output.note(`No rejected message ${id} found.`);
  if (entries.length > 0) {
    if (change.isDestructive && !(await confirm(change.question(count(entries.length, "message")))))
      return EXIT.rejected;
    await apply(context, change, entries);
    if (change.hint !== undefined) output.note(change.hint);
  }
  return unknown.length > 0 ? EXIT.rejected : EXIT.done;
}

/** Changes as many messages as are rejected now. Messages that are rejected later are not changed. */
async function changeAll(context: Context, change: Change): Promise<number> {
  const { store, output, confirm, signal } = context;
  let left = await store.outbox.countRejected();
  if (left === 0) return EXIT.done;
  if (!(await confirm(change.question(count(left, "message"))))) return EXIT.rejected;
  while (left > 0) {
    if (signal.aborted) return EXIT.rejected;
    const entries = await store.outbox.rejected({ limit: Math.min(MAX_PAGE, left) });
    if (entries.length === 0) break;
    await apply(context, change, entries);
    left -= entries.length;
  }
  if (change.hint !== undefined) output.note(change.hint);
  return EXIT.done;
}

async function apply(context: Context, { apply, done }: Change, entries: readonly OutboxEntry[]): Promise<void> {
  await apply(
    context,
    entries.map(({ entryId }) => entryId),
  );
  for (const { entryId, jobId } of entries) {
    context.output.row({ entryId, jobId, [done]: true }, entryId, `${done}, job ${jobId}`);
  }
}
