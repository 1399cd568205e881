import { listOf, type Options } from "../arguments.js";
import type { Context } from "../command.js";
import { count } from "../output.js";
import { EXIT, UsageError } from "../usage.js";

/** As many jobs or messages as the store shows at once. */
export const MAX_PAGE = 1000;

/** @throws UsageError */
export function checkSelection({ status }: Options, operands: readonly string[]): void {
  if ((operands.length === 0) === (status === undefined)) {
    throw new UsageError("Which jobs? Give their ids, or --status for all that are in it.");
  }
}

/** The ids that were given, or those of all jobs in a status. */
export async function selectedIds({ store, operands, options }: Context): Promise<readonly string[]> {
  const status = listOf(options.status);
  if (status === undefined) return operands;
  const ids: string[] = [];
  // Oldest first, so that those who have waited longest come first.
  for await (const { id } of store.scan({ status, order: "oldest", limit: MAX_PAGE })) ids.push(id);
  return ids;
}

/** Calls of one turn travel together, so this many jobs take hardly longer than one. */
const AT_ONCE = 100;

/**
 * Does something to many jobs, and says in their order what became of each. Ctrl-C ends it after those under way.
 *
 * @param act answers how to say it, and whether it was done
 */
export async function forEachJob(
  { output, signal }: Context,
  ids: readonly string[],
  act: (id: string) => Promise<() => boolean>,
): Promise<number> {
  let code: number = EXIT.done;
  for (let first = 0; first < ids.length; first += AT_ONCE) {
    if (signal.aborted) {
      output.note(`Stopped after ${first} of ${count(ids.length, "job")}.`);
      return EXIT.refused;
    }
    const settled = await Promise.allSettled(ids.slice(first, first + AT_ONCE).map(act));
    for (const one of settled) if (one.status === "fulfilled" && !one.value()) code = EXIT.refused;
    const failed = settled.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  return code;
}
