import type { Readable } from "node:stream";
import { JobStoreError } from "../errors.js";
import { listOf, type Options } from "./arguments.js";
import type { OpenedStore } from "./open.js";
import { count, type Output } from "./output.js";
import { EXIT, UsageError } from "./usage.js";

/** Input of a command that needs no store. */
export interface PlainContext {
  readonly options: Options;
  readonly operands: readonly string[];
  readonly output: Output;
  /** Asks the user. Returns true without asking if the option --yes was given. */
  confirm(question: string): Promise<boolean>;
  readonly stdin: Readable;
  readonly env: NodeJS.ProcessEnv;
  /** Aborts at Ctrl-C, and when the reader of the output closes it. */
  readonly signal: AbortSignal;
}

/** Input of a command that works on a store. */
export interface Context extends PlainContext, Omit<OpenedStore, typeof Symbol.asyncDispose> {}

/** Command that works on a store. */
export interface Command extends CommandRules {
  /** Runs the command. @returns the exit code */
  run(context: Context): Promise<number>;
}

/** Command that needs no store. */
export interface PlainCommand extends CommandRules {
  /** Runs the command without opening a store. @returns the exit code */
  runPlain(context: PlainContext): Promise<number>;
}

/** Description of a command, and the checks of its options and operands. */
interface CommandRules {
  /** Name and operands of the command, for the message about a wrong number of operands. */
  readonly usage: string;
  /** Options of the command, in addition to those of every command. */
  readonly options: readonly string[];
  /** Minimum and maximum number of operands. */
  readonly operands: readonly [min: number, max: number];
  /** Checks the options and operands before the store is opened. @throws UsageError */
  check?(options: Options, operands: readonly string[]): void;
}

/** Maximum number of jobs or messages that the store returns in one call. */
export const MAX_PAGE = 1000;

/** Checks that the jobs are given either by their ids or by their status. @throws UsageError */
export function checkSelection({ status }: Options, operands: readonly string[]): void {
  if ((operands.length === 0) === (status === undefined)) {
    throw new UsageError("No jobs given. Use their ids, or --status for all jobs in it, but not both.");
  }
}

/** Returns the given ids, or the ids of all jobs in the given statuses, oldest first. */
export async function selectedIds({ store, operands, options }: Context): Promise<readonly string[]> {
  const status = listOf(options.status);
  if (status === undefined) return operands;
  const ids: string[] = [];
  for await (const { id } of store.scan({ status, order: "oldest", limit: MAX_PAGE })) ids.push(id);
  return ids;
}

/** Number of jobs that are processed at once. Their calls are sent in one batch. */
const BATCH_SIZE = 100;

/**
 * Processes many jobs and prints the results in order. Ctrl-C ends it after the jobs in progress.
 *
 * @param process processes a job and returns a function that prints the result and returns true if the job was changed
 * @returns the exit code
 */
export async function forEachJob(
  { output, signal }: Context,
  ids: readonly string[],
  process: (id: string) => Promise<() => boolean>,
): Promise<number> {
  let code: number = EXIT.done;
  for (let first = 0; first < ids.length; first += BATCH_SIZE) {
    if (signal.aborted) {
      output.note(`Stopped after ${first} of ${count(ids.length, "job")}.`);
      return EXIT.rejected;
    }
    const settled = await Promise.allSettled(ids.slice(first, first + BATCH_SIZE).map(process));
    for (const one of settled) if (one.status === "fulfilled" && !one.value()) code = EXIT.rejected;
    const failed = settled.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  return code;
}

/**
 * Changes a job. If the reply is lost, it reads the job to find out if the change was made: a call that ended as indeterminate is
 * never carried out later.
 *
 * @param change.find returns the result that `call` would have returned, if the job shows it
 * @throws JobStoreError UNAVAILABLE with the id of the job
 */
export async function resolveIndeterminate<T>(
  id: string,
  change: { readonly call: () => Promise<T>; readonly find: () => Promise<T | "not made" | "unknown"> },
): Promise<T> {
  try {
    return await change.call();
  } catch (error) {
    if (!JobStoreError.is(error, "UNAVAILABLE") || error.indeterminate !== true) throw error;
    const outcome = await change.find().catch(() => "unknown" as const);
    if (outcome !== "unknown" && outcome !== "not made") return outcome;
    const indeterminate = outcome === "unknown";
    const message = indeterminate
      ? `The result for job ${id} is unknown. Check it with: npx @subtitles/job-store get ${id}. ${error.message}`
      : `Redis did not reply in time, and job ${id} was not changed. Try again.`;
    throw new JobStoreError("UNAVAILABLE", message, { jobId: id, indeterminate });
  }
}
