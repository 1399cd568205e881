import { JobStoreError } from "../../errors.js";
import type { Command, Context } from "../command.js";
import { count } from "../output.js";
import { EXIT } from "../usage.js";
import { checkSelection, forEachJob, selectedIds } from "./jobs.js";
import { resolveIndeterminate } from "./resolve-indeterminate.js";

export const deleteJobs: Command = {
  options: ["status"],
  operands: [0, Number.POSITIVE_INFINITY],
  check: checkSelection,
  async run(context) {
    const { output, confirm } = context;
    const ids = await selectedIds(context);
    const what = ids.length === 1 ? `job ${ids[0]}` : count(ids.length, "job");
    if (ids.length > 0 && !(await confirm(`Delete ${what} for good?`))) return EXIT.refused;
    return forEachJob(context, ids, async (id) => {
      const outcome = await remove(context, id);
      const deleted = outcome !== "was not there";
      return () => {
        output.rows(
          [{ id, deleted }],
          [
            ["", () => id],
            ["", () => outcome],
          ],
        );
        return deleted;
      };
    });
  },
};

/** What became of it. A job that is not there after a lost answer may have been gone before, which is the same to us. */
function remove({ store }: Context, id: string): Promise<"deleted" | "was not there" | "is gone"> {
  return resolveIndeterminate(id, {
    call: async () => ((await store.delete(id)) ? "deleted" : "was not there"),
    look: async () => ((await isThere(id)) ? "not made" : "is gone"),
  });

  async function isThere(job: string): Promise<boolean> {
    try {
      return (await store.get(job)) !== null;
    } catch (error) {
      if (JobStoreError.is(error, "UNREADABLE_RECORD")) return true;
      throw error;
    }
  }
}
