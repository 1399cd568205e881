import type { Options } from "../arguments.js";
import type { Context } from "../command.js";
import { count } from "../output.js";
import { EXIT, UsageError } from "../usage.js";

/** Checks that either messages or a job are given. @throws UsageError */
export function checkRunNow({ job }: Options, entryIds: readonly string[]): void {
  if ((entryIds.length === 0) === (job === undefined)) {
    throw new UsageError(
      "outbox run-now requires either entry ids, as outbox --kind scheduled lists them, or --job <id>.",
    );
  }
}

/** @throws UsageError */
export function checkCancel(entryIds: readonly string[]): void {
  if (entryIds.length > 0) return;
  throw new UsageError("No messages given. Use their entry ids, as outbox --kind scheduled lists them.");
}

/** Makes scheduled messages due now, or ends the wait of a job. */
export async function runNow(context: Context): Promise<number> {
  const { job } = context.options;
  if (job !== undefined) return endWait(context, job);
  return changeEach(context, "due", (entryIds) => context.store.outbox.reschedule(entryIds, { at: new Date(0) }));
}

/** Deletes scheduled messages, after a confirmation. */
export async function cancel(context: Context): Promise<number> {
  const messages = count(context.operands.length - 1, "message");
  if (!(await context.confirm(`Cancel ${messages} permanently? The jobs are not changed.`))) return EXIT.rejected;
  return changeEach(context, "cancelled", (entryIds) => context.store.outbox.cancel(entryIds));
}

/** Changes the messages that the operands name. @param done word for the output */
async function changeEach(
  { operands: [, ...entryIds], output }: Context,
  done: string,
  change: (entryIds: readonly string[]) => Promise<readonly boolean[]>,
): Promise<number> {
  const changed = await change(entryIds);
  for (const [n, entryId] of entryIds.entries()) {
    if (changed[n] !== true) output.note(`No scheduled message ${entryId} found.`);
    else {
      output.rows(
        [{ entryId, [done]: true }],
        [
          ["", () => entryId],
          ["", () => done],
        ],
      );
    }
  }
  return changed.includes(false) ? EXIT.rejected : EXIT.done;
}

/** Ends the wait of a job for a retry, or of a postponed job. A job that a worker runs is not changed. */
async function endWait({ store, storage, output }: Context, id: string): Promise<number> {
  const job = await store.get(id);
  if (job === null) {
    output.note(`Job ${id} not found.`);
    return EXIT.rejected;
  }
  const { lease } = await storage.examine(id);
  if (lease === null || lease.version !== job.version || lease.createdAt !== job.createdAt.getTime()) {
    output.note(`Job ${id} waits neither for a retry nor until a time. See its messages with: outbox --kind scheduled`);
    return EXIT.rejected;
  }
  if (lease.owned) {
    output.note(`A worker runs job ${id}, so nothing was changed.`);
    return EXIT.rejected;
  }
  // A claim in the meantime has changed the version, so its lease is not ended.
  const [ended] = await store.renewLeases([job], 0);
  if (ended !== true) {
    output.note(`Job ${id} was changed at the same time, so its wait was not ended. Try again.`);
    return EXIT.rejected;
  }
  output.rows(
    [{ id, waits: false }],
    [
      ["", () => id],
      ["", () => "waits no longer"],
    ],
  );
  output.note("The message of the job is published again when a relay runs.");
  return EXIT.done;
}
