import type { JobDefinition } from "../../definition.js";
import type { Job } from "../../job.js";
import { limitOf, listOf, whereOf } from "../arguments.js";
import { type Command, MAX_PAGE } from "../command.js";
import { type Column, plain } from "../output.js";
import { EXIT } from "../usage.js";

const JOB_COLUMNS: readonly Column[] = [
  ["id", ({ id }) => id],
  ["status", ({ status }) => status],
  ["since", ({ statusAt }) => statusAt],
  ["attempt", ({ attempt }) => attempt],
  ["created", ({ createdAt }) => createdAt],
  ["data", ({ data }) => data],
  ["error", ({ error }) => (error as { message?: string } | null)?.message],
];

export const list: Command = {
  usage: "list",
  options: ["status", "limit", "all", "cursor", "oldest", "where"],
  operands: [0, 0],
  check(options) {
    limitOf(options);
    whereOf(options.where);
  },
  async run({ store, options, output, signal }) {
    const limit = limitOf(options);
    const where = whereOf(options.where);
    const query = {
      status: listOf(options.status),
      order: options.oldest === true ? "oldest" : "newest",
      where,
    } as const;
    let code: number = EXIT.done;
    let { cursor } = options;
    let left = limit;
    const rows: Job<JobDefinition>[] = [];
    do {
      const page = await store.list({ ...query, cursor, limit: Math.min(MAX_PAGE, left) });
      // The columns of a table are as wide as the widest cell of all rows, so a table is printed at the end.
      if (output.json) output.rows(page.items);
      else rows.push(...page.items);
      for (const { id, reason } of page.unreadable) {
        output.note(`Job ${id} cannot be read: ${plain(reason)}.`);
        code = EXIT.rejected;
      }
      left -= page.items.length;
      cursor = page.cursor;
    } while (cursor !== undefined && left > 0 && !signal.aborted);
    if (!output.json) output.rows(rows, JOB_COLUMNS);
    if (cursor !== undefined) output.note(`There are more jobs. Add --cursor ${cursor} for the next page, or --all.`);
    return code;
  },
};
