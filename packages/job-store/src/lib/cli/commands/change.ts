import { randomUUID } from "node:crypto";
import { JobStoreError } from "../../errors.js";
import type { Command, Context } from "../command.js";
import { count } from "../output.js";
import { EXIT, UsageError } from "../usage.js";
import { checkSelection, forEachJob, selectedIds } from "./jobs.js";
import { checkMessage, MESSAGE_OPTIONS, messages } from "./message.js";
import { resolveIndeterminate } from "./resolve-indeterminate.js";

export const setStatus: Command = {
  options: ["force", "note", "by", ...MESSAGE_OPTIONS],
  operands: [2, 2],
  check: (options) => void messages(options, ""),
  async run(context) {
    const [id = "", to = ""] = context.operands;
    return each(context, [id], (job) => {
      if (context.options.force !== true) checkStep(context, job, to);
      if (isRetry(context, job, to)) checkMessage(context.options);
      return to;
    });
  },
};

export const retry: Command = {
  options: ["status", "to", "note", "by", ...MESSAGE_OPTIONS],
  operands: [0, Number.POSITIVE_INFINITY],
  check: (options, operands) => {
    checkSelection(options, operands);
    messages(options, "");
    checkMessage(options);
  },
  async run(context) {
    const ids = await selectedIds(context);
    const question = `Retry ${count(ids.length, "job")}?`;
    if (context.operands.length === 0 && !(await context.confirm(question))) return EXIT.refused;
    return each(context, ids, (job) => {
      const { initial, statuses } = checkLifecycle(context);
      const to = context.options.to ?? initial;
      if (statuses[job.status]?.final !== true) throw new Refusal(stillUnderWay(job, to));
      checkStep(context, job, to);
      return to;
    });
  },
};

/** Why one job stays as it is; the others may go on. */
class Refusal extends Error {}

type Present = { readonly id: string; readonly status: string; readonly version: number };

/** Moves jobs, each as it stands now, and says of each what became of it. */
function each(context: Context, ids: readonly string[], toOf: (job: Present) => string): Promise<number> {
  const { output } = context;
  return forEachJob(context, ids, async (id) => {
    try {
      const { from, to } = await move(context, id, toOf);
      return () => {
        output.rows(
          [{ id, from, to }],
          [
            ["", () => id],
            ["", () => `${from} → ${to}`],
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

/** @throws Refusal, UsageError, JobStoreError */
async function move({ store, options }: Context, id: string, toOf: (job: Present) => string) {
  const job = await store.get(id);
  if (job === null) throw new Refusal("is not there");
  const step = { from: job.status, to: toOf(job) };
  const key = randomUUID();
  const { by = "job-store", note } = options;
  const change = { by, note, key, outbox: messages(options, id), ifVersion: job.version };
  return resolveIndeterminate(id, {
    call: async () => {
      await store.updateStatus(id, step.to, change);
      return step;
    },
    look: async () => {
      const now = await store.get(id);
      if (now?.version === job.version) return "not made";
      const next = now?.history.find(({ version }) => version === job.version + 1);
      return next?.key === key ? step : "unknown";
    },
  });
}

/** Of one job; the next one may fare better. */
const PASSED_OVER: ReadonlySet<string> = new Set(["CONFLICT", "NOT_FOUND", "UNREADABLE_RECORD"]);

/** @throws UsageError where none is kept */
function checkLifecycle({ lifecycle }: Context) {
  if (lifecycle !== null) return lifecycle;
  throw new UsageError(
    "The lifecycle is not kept here yet: a service with this version of @subtitles/job-store has to start once. " +
      "Until then, set-status with --force.",
  );
}

/** @throws Refusal where the lifecycle forbids it */
function checkStep(context: Context, { status }: Present, to: string): void {
  const next = checkLifecycle(context).statuses[status]?.next ?? [];
  if (next.includes(to)) return;
  const allowed = next.length === 0 ? "nothing may follow" : `may follow: ${next.join(", ")}`;
  throw new Refusal(`is "${status}" and cannot become "${to}" (${allowed})`);
}

/** Whether somebody has to work on the job again. Where no lifecycle is kept, nobody can tell. */
function isRetry({ lifecycle }: Context, { status }: Present, to: string): boolean {
  const { statuses = {} } = lifecycle ?? {};
  return statuses[status]?.final === true && statuses[to]?.final === false;
}

function stillUnderWay({ id, status }: Present, to: string): string {
  const setAside =
    "If the message that asks for the work was set aside (outbox --rejected), outbox requeue hands it out";
  const lost = `if it was lost, set-status ${id} ${to} --force, with --queue and --payload, stores another`;
  return `is "${status}", which is not final. ${setAside}; ${lost}`;
}
