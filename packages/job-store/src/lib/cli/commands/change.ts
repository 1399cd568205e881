import { randomUUID } from "node:crypto";
import { JobStoreError } from "../../errors.js";
import type { OutboxMessage } from "../../outbox.js";
import type { Options } from "../arguments.js";
import {
  type Command,
  type Context,
  checkSelection,
  forEachJob,
  resolveIndeterminate,
  selectedIds,
} from "../command.js";
import { count } from "../output.js";
import { EXIT, UsageError } from "../usage.js";

/** Options for the message that is stored together with a change. */
const MESSAGE_OPTIONS = ["queue", "payload", "no-message"];

export const setStatus: Command = {
  usage: "set-status <id> <status> [--force]",
  options: ["force", "note", "by", ...MESSAGE_OPTIONS],
  operands: [2, 2],
  check: (options) => void messages(options, ""),
  async run(context) {
    const [id = "", to = ""] = context.operands;
    return changeJobs(context, [id], (job) => {
      if (context.options.force !== true) checkTransition(context, job, to);
      if (isRetry(context, job, to)) checkMessage(context, to);
      return to;
    });
  },
};

export const retry: Command = {
  usage: "retry <id>... | --status <status>",
  options: ["status", "to", "note", "by", ...MESSAGE_OPTIONS],
  operands: [0, Number.POSITIVE_INFINITY],
  check: (options, operands) => {
    checkSelection(options, operands);
    messages(options, "");
  },
  async run(context) {
    checkMessage(context, context.options.to ?? checkLifecycle(context).initial);
    const ids = await selectedIds(context);
    const question = `Retry ${count(ids.length, "job")}?`;
    if (context.operands.length === 0 && !(await context.confirm(question))) return EXIT.rejected;
    return changeJobs(context, ids, (job) => {
      const { initial, statuses } = checkLifecycle(context);
      const to = context.options.to ?? initial;
      if (statuses[job.status]?.final !== true) throw new NotChanged(notFinal(job, to));
      checkTransition(context, job, to);
      return to;
    });
  },
};

export const deleteJobs: Command = {
  usage: "delete <id>... | --status <status>",
  options: ["status"],
  operands: [0, Number.POSITIVE_INFINITY],
  check: checkSelection,
  async run(context) {
    const { output, confirm } = context;
    const ids = await selectedIds(context);
    const jobs = ids.length === 1 ? `job ${ids[0]}` : count(ids.length, "job");
    if (ids.length > 0 && !(await confirm(`Delete ${jobs} permanently?`))) return EXIT.rejected;
    return forEachJob(context, ids, async (id) => {
      const outcome = await deleteJob(context, id);
      const deleted = outcome !== "not found";
      return () => {
        output.row({ id, deleted }, id, outcome);
        return deleted;
      };
    });
  },
};

/** Reason why one job was not changed. The other jobs are processed. */
class NotChanged extends Error {}

type CurrentJob = { readonly id: string; readonly status: string; readonly version: number };

/** Changes the status of jobs, and prints each transition. @param toOf returns the new status for a job */
function changeJobs(context: Context, ids: readonly string[], toOf: (job: CurrentJob) => string): Promise<number> {
  const { output } = context;
  return forEachJob(context, ids, async (id) => {
    try {
      const { from, to } = await changeJob(context, id, toOf);
      return () => {
        output.row({ id, from, to }, id, `${from} → ${to}`);
        return true;
      };
    } catch (error) {
      if (!(error instanceof NotChanged) && !(JobStoreError.is(error) && JOB_ERRORS.has(error.code))) throw error;
      return () => {
        output.note(error instanceof NotChanged ? `Job ${id} ${error.message}.` : error.message);
        return false;
      };
    }
  });
}

/** Error codes that concern only one job. The other jobs are processed. */
const JOB_ERRORS: ReadonlySet<string> = new Set(["CONFLICT", "NOT_FOUND", "UNREADABLE_RECORD"]);

/** @throws NotChanged, UsageError, JobStoreError */
async function changeJob({ store, options }: Context, id: string, toOf: (job: CurrentJob) => string) {
  const job = await store.get(id);
  if (job === null) throw new NotChanged("not found");
  const transition = { from: job.status, to: toOf(job) };
  const key = randomUUID();
  const { by = "job-store", note } = options;
  const change = { by, note, key, outbox: messages(options, id), ifVersion: job.version };
  return resolveIndeterminate(id, {
    call: async () => {
      await store.updateStatus(id, transition.to, change);
      return transition;
    },
    find: async () => {
      const now = await store.get(id);
      if (now?.version === job.version) return "not made";
      const next = now?.history.find(({ version }) => version === job.version + 1);
      return next?.key === key ? transition : "unknown";
    },
  });
}

/** Deletes a job. "is gone": the reply was lost and the job does not exist; it may not have existed before. */
function deleteJob({ store }: Context, id: string): Promise<"deleted" | "not found" | "is gone"> {
  return resolveIndeterminate(id, {
    call: async () => ((await store.delete(id)) ? "deleted" : "not found"),
    find: async () => ((await exists(id)) ? "not made" : "is gone"),
  });

  async function exists(job: string): Promise<boolean> {
    try {
      return (await store.get(job)) !== null;
    } catch (error) {
      if (JobStoreError.is(error, "UNREADABLE_RECORD")) return true;
      throw error;
    }
  }
}

/** Returns the recorded lifecycle. @throws UsageError if none is recorded */
function checkLifecycle({ lifecycle }: Context) {
  if (lifecycle !== null) return lifecycle;
  throw new UsageError(
    "No lifecycle is recorded in this store. Start a service with this version of @subtitles/job-store once, or use " +
      "set-status with --force.",
  );
}

/** @throws NotChanged if the lifecycle forbids the transition */
function checkTransition(context: Context, { status }: CurrentJob, to: string): void {
  const next = checkLifecycle(context).statuses[status]?.next ?? [];
  if (next.includes(to)) return;
  const allowed = next.length === 0 ? `no transition from "${status}" is allowed` : `allowed: ${next.join(", ")}`;
  throw new NotChanged(`cannot change from "${status}" to "${to}" (${allowed})`);
}

/** Returns true if a worker must process the job again. Returns false if no lifecycle is recorded. */
function isRetry({ lifecycle }: Context, { status }: CurrentJob, to: string): boolean {
  const { statuses = {} } = lifecycle ?? {};
  return statuses[status]?.final === true && statuses[to]?.final === false;
}

function notFinal({ id, status }: CurrentJob, to: string): string {
  const rejected = "If its message was rejected (outbox --rejected), use outbox requeue";
  const lost = `if its message was lost, use set-status ${id} ${to} --force with --queue and --payload`;
  return `cannot be retried: status "${status}" is not final. ${rejected}; ${lost}`;
}

/** Returns the message that the options describe, for one job. @throws UsageError */
function messages({ queue, payload, "no-message": none }: Options, id: string): readonly OutboxMessage[] {
  if (queue === undefined && payload === undefined) return [];
  if (none === true) throw new UsageError("--no-message cannot be combined with --queue and --payload.");
  if (queue === undefined || payload === undefined)
    throw new UsageError("--queue and --payload must be used together.");
  try {
    return [{ queue, payload: JSON.parse(payload.replaceAll("{id}", id)) }];
  } catch {
    throw new UsageError("--payload must be JSON.");
  }
}

/** Checks that a retry has a message, or that none is needed. @param to status of the retried job @throws UsageError */
function checkMessage({ lifecycle, options }: Context, to: string): void {
  if (options.queue !== undefined || options["no-message"] === true) return;
  const { statuses = {} } = lifecycle ?? {};
  const rule = Object.hasOwn(statuses, to) ? statuses[to] : undefined;
  if (rule !== undefined && rule.sends.length > 0) return;
  throw new UsageError(
    `A retried job needs a message, otherwise no worker processes it, and status "${to}" sends none. ` +
      "Add --queue <name> --payload <json>, or --no-message if workers look for jobs themselves.",
  );
}
