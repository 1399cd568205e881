import { JobStoreError } from "../../errors.js";
import { listOf, type Options } from "../arguments.js";
import type { Command, Context } from "../command.js";
import { EXIT, UsageError } from "../usage.js";

export const setStatus: Command = {
  options: ["force", "queue", "payload", "note"],
  operands: [2, 2],
  check: (options) => void messages(options, ""),
  async run(context) {
    const [id = "", to = ""] = context.operands;
    return each(context, [id], (job) => {
      if (context.options.force !== true) checkStep(context, job, to);
      return to;
    });
  },
};

export const retry: Command = {
  options: ["status", "to", "queue", "payload", "note"],
  operands: [0, Number.POSITIVE_INFINITY],
  check: (options, operands) => {
    messages(options, "");
    checkChoice(options, operands);
  },
  async run(context) {
    const ids = await chosen(context);
    if (context.operands.length === 0 && !(await context.confirm(`Retry ${ids.length} jobs?`))) return EXIT.refused;
    let moved = false;
    const code = await each(context, ids, (job) => {
      const { initial, statuses } = lifecycle(context);
      const to = context.options.to ?? initial;
      if (statuses[job.status]?.final !== true) throw new Refusal(`is "${job.status}", which is not final`);
      checkStep(context, job, to);
      moved = true;
      return to;
    });
    if (moved && context.options.queue === undefined) {
      context.output.note("No message went along. Where workers wait for one, --queue and --payload store it.");
    }
    return code;
  },
};

export const deleteJobs: Command = {
  options: ["status"],
  operands: [0, Number.POSITIVE_INFINITY],
  check: checkChoice,
  async run(context) {
    const { store, output, confirm } = context;
    const ids = await chosen(context);
    const what = ids.length === 1 ? `job ${ids[0]}` : `${ids.length} jobs`;
    if (ids.length > 0 && !(await confirm(`Delete ${what} for good?`))) return EXIT.refused;
    return inTurns(context, ids, async (id) => {
      const deleted = await store.delete(id);
      return () => {
        const said = deleted ? "deleted" : "was not there";
        output.rows(
          [{ id, deleted }],
          [
            ["", () => id],
            ["", () => said],
          ],
        );
        return deleted;
      };
    });
  },
};

/** Why one job stays as it is; the others may go on. */
class Refusal extends Error {}

type Present = { readonly id: string; readonly status: string; readonly version: number };

/** Moves jobs, each as it stands now, and says of each what became of it. */
function each(context: Context, ids: readonly string[], toOf: (job: Present) => string): Promise<number> {
  const { store, output, options } = context;
  return inTurns(context, ids, async (id) => {
    try {
      const job = await store.get(id);
      if (job === null) throw new Refusal("is not there");
      const to = toOf(job);
      const change = { by: "job-store", note: options.note, outbox: messages(options, id), ifVersion: job.version };
      await store.updateStatus(id, to, change);
      return () => {
        output.rows(
          [{ id, from: job.status, to }],
          [
            ["", () => id],
            ["", () => `${job.status} → ${to}`],
          ],
        );
        return true;
      };
    } catch (error) {
      if (!(error instanceof Refusal) && !(JobStoreError.is(error) && PASSED_OVER.has(error.code))) throw error;
      return () => {
        output.note(error instanceof Refusal ? `Job ${id} ${error.message}.` : error.message);
        return false;
      };
    }
  });
}

/** Calls of one turn travel together, so this many jobs take hardly longer than one. */
const AT_ONCE = 100;

/**
 * Does something to many jobs, and says in their order what became of each. Ctrl-C ends it after those under way.
 *
 * @param act answers how to say it, and whether it was done
 */
async function inTurns(
  { output, signal }: Context,
  ids: readonly string[],
  act: (id: string) => Promise<() => boolean>,
): Promise<number> {
  let code: number = EXIT.done;
  for (let first = 0; first < ids.length; first += AT_ONCE) {
    if (signal.aborted) {
      output.note(`Stopped after ${first} of ${ids.length} jobs.`);
      return EXIT.refused;
    }
    const settled = await Promise.allSettled(ids.slice(first, first + AT_ONCE).map(act));
    for (const one of settled) if (one.status === "fulfilled" && !one.value()) code = EXIT.refused;
    const failed = settled.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  return code;
}

/** Of one job; the next one may fare better. */
const PASSED_OVER: ReadonlySet<string> = new Set(["CONFLICT", "NOT_FOUND", "UNREADABLE_RECORD"]);

/** @throws UsageError */
function checkChoice({ status }: Options, operands: readonly string[]): void {
  if ((operands.length === 0) === (status === undefined)) {
    throw new UsageError("Which jobs? Give their ids, or --status for all that are in it.");
  }
}

/** The ids that were given, or those of all jobs in a status. */
async function chosen({ store, operands, options }: Context): Promise<readonly string[]> {
  const status = listOf(options.status);
  if (status === undefined) return operands;
  const ids: string[] = [];
  // Oldest first, so that those who have waited longest come first.
  for await (const { id } of store.scan({ status, order: "oldest", limit: 1000 })) ids.push(id);
  return ids;
}

/** @throws UsageError where none is kept */
function lifecycle({ kept }: Context) {
  if (kept.description !== null) return kept.description;
  throw new UsageError(
    "The lifecycle is not kept here yet: a service with this version of @subtitles/job-store has to start once. " +
      "Until then, set-status with --force.",
  );
}

/** @throws Refusal where the lifecycle forbids it */
function checkStep(context: Context, { status }: Present, to: string): void {
  const next = lifecycle(context).statuses[status]?.next ?? [];
  if (next.includes(to)) return;
  const allowed = next.length === 0 ? "nothing may follow" : `may follow: ${next.join(", ")}`;
  throw new Refusal(`is "${status}" and cannot become "${to}" (${allowed})`);
}

/** @throws UsageError */
function messages({ queue, payload }: Options, id: string) {
  if (queue === undefined && payload === undefined) return [];
  if (queue === undefined || payload === undefined) throw new UsageError("--queue and --payload go together.");
  try {
    return [{ queue, payload: JSON.parse(payload.replaceAll("{id}", id)) as unknown }];
  } catch {
    throw new UsageError("--payload must be JSON.");
  }
}
