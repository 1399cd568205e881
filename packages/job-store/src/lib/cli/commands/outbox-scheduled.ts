import type { Options } from "../arguments.js";
import type { Context } from "../command.js";
import { count } from "../output.js";
import { EXIT, UsageError } from "../usage.js";

/** Action on messages. */
export interface OutboxAction {
  /** @throws UsageError */
  check(options: Options, entryIds: readonly string[]): void;
  run(context: Context, entryIds: readonly string[]): Promise<number>;
}

/** Makes scheduled messages due now, or ends the wait of a job. */
export const runNow: OutboxAction = {
  check(options, entryIds) {
    checkNamed("run-now", options);
    if ((entryIds.length === 0) === (options.job === undefined)) {
      throw new UsageError(
        "outbox run-now requires either entry ids, as outbox --kind scheduled lists them, or --job <id>.",
      );
    }
  },
  async run(context, entryIds) {
    const { store, options } = context;
    if (options.job !== undefined) return endWait(context, options.job);
    return printChanged(context, entryIds, "due", await store.outbox.reschedule(entryIds, { at: new Date(0) }));
  },
};

/** Deletes scheduled messages, after a confirmation. */
export const cancel: OutboxAction = {
  check(options, entryIds) {
    checkNamed("cancel", options);
    if (entryIds.length > 0) return;
    throw new UsageError("No messages given. Use their entry ids, as outbox --kind scheduled lists them.");
  },
  async run(context, entryIds) {
    const messages = count(entryIds.length, "message");
    if (!(await context.confirm(`Cancel ${messages} permanently? The jobs are not changed.`))) return EXIT.rejected;
    return printChanged(context, entryIds, "cancelled", await context.store.outbox.cancel(entryIds));
  },
};

/** @throws UsageError if messages are selected in another way than by their entry ids */
function checkNamed(name: string, { rejected, all }: Options): void {
  if (rejected !== true && all !== true) return;
  throw new UsageError(`outbox ${name} supports neither --rejected nor --all: name the scheduled messages.`);
}

/** Prints for each message if it was changed. @param done word for the output */
function printChanged(
  { output }: Context,
  entryIds: readonly string[],
  done: string,
  changed: readonly boolean[],
): number {
  for (const [n, entryId] of entryIds.entries()) {
    if (changed[n] === true) output.row({ entryId, [done]: true }, entryId, done);
    else output.note(`No scheduled message ${entryId} found.`);
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
  output.row({ id, waits: false }, id, "waits no longer");
  output.note("The message of the job is published again when a relay runs.");
  return EXIT.done;
}
