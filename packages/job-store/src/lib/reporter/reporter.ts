import type { input } from "zod/v4/core";
import { checkOptions, checkWhole, invalid, type KeysOf, show } from "../arguments.js";
import type { JobDefinition, StatusOf } from "../definition.js";
import type { JobStoreError } from "../errors.js";
import type { Job } from "../job.js";
import type { Change, JobStore, StepOf, StoreEvent } from "../store.js";
import { StatusReporter } from "./status-reporter.js";

/** What a reporter could not do, and why. */
export interface RejectedChange<D extends JobDefinition> {
  /** The job. */
  readonly id: string;
  /** The status that was reported. */
  readonly to: StatusOf<D>;
  /**
   * What the store said. UNAVAILABLE where it said nothing: there was no room to wait, the reporter was closed without a
   * journal, or an answer was lost and the job cannot tell what became of the change (`indeterminate: true`).
   */
  readonly error: JobStoreError;
}

/** What `createReporter` takes. */
export interface ReporterOptions<D extends JobDefinition> {
  /** Changes held while the store is away, 0–1,000,000; past it, `report` answers "rejected". @default 10_000 */
  readonly maxPending?: number | undefined;
  /**
   * Path of a file that also contains the pending changes. They are on the disk before `report` returns "pending", so they
   * survive a crash of this process. The next reporter with this path applies them. Only one reporter can use a path at a
   * time. `report` returns "rejected" while the pending changes take 12 MiB; the file itself takes up to 16 MiB. It contains
   * results, errors and outbox messages unencrypted. Only its owner can read it. Requires Node.js. @default no file
   */
  readonly journalPath?: string | undefined;
  /** Told of every change that was rejected, at once or on replay. An error thrown here is ignored. */
  readonly onRejected?: ((change: RejectedChange<D>) => void) | undefined;
  /** For logs: journal lines that could not be read. @default a warning of the Node.js process */
  readonly onEvent?: ((event: StoreEvent) => void) | undefined;
}

/** Records how jobs stand, without ever failing because the store is away. Made by `createReporter`. */
export interface Reporter<D extends JobDefinition> extends AsyncDisposable {
  /**
   * Records a status change. The store is asked at once unless it is known to be away or changes of this job wait already.
   *
   * By id, the lifecycle decides when the change is made. By snapshot, the stored job must besides be the same one at the
   * snapshot's version, or at the version that earlier changes reported with the same snapshot (the same object) brought
   * it to. A change that was refused moves nothing: what follows it is judged by itself.
   *
   * The reporter gives each change a `key` of its own; one given here is not used.
   *
   * @returns "stored": the store has it. "pending": it waits, and will be made once or refused. "rejected": refused by a
   *   guard, or there was no room for it to wait; `onRejected` was told why
   * @throws INVALID_ARGUMENT, INVALID_DATA as `updateStatus` does, before anything else; CLOSED
   */
  report(
    target: string | Job<D>,
    to: StepOf<D, string>,
    change?: Change<D>,
  ): Promise<"stored" | "pending" | "rejected">;
  /**
   * Records progress some time soon, after the status changes reported before it. Only the latest of a job is kept while
   * the store is away, not across a crash, and no longer than until the next status change; what the store refuses is
   * dropped. After `close` it does nothing.
   * @throws INVALID_ARGUMENT, INVALID_DATA
   */
  progress(target: string | Job<D>, progress: input<D["progress"]>): void;
  /** Status changes that wait. */
  readonly pending: number;
  /**
   * Resolves once nothing waits, progress included.
   * @param options.timeoutMs 0–2,147,483,647. @default 30_000
   * @throws TIMEOUT; CLOSED where something still waits in the journal of a closed reporter
   */
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;
  /**
   * Waits for calls under way, and for the rest as long as the store takes it; does not wait for a store that is away.
   * What then still waits stays in the journal; without one, it is handed to `onRejected` (UNAVAILABLE). The store stays
   * open: close it afterwards. Later calls of `report`: CLOSED.
   */
  close(): Promise<void>;
}

const REPORTER_OPTIONS: KeysOf<ReporterOptions<JobDefinition>> = {
  maxPending: true,
  journalPath: true,
  onRejected: true,
  onEvent: true,
};

/**
 * For workers: records status and progress without ever throwing because the store is away. Changes wait, in order per
 * job, and are replayed through the same guards when it returns; what a guard then refuses is handed to `onRejected`,
 * never dropped unseen.
 *
 * Each change is made once, also where an answer was lost: every change carries a `key` that stands in the job's history,
 * where a reporter looks before it tries such a change again. For that the store needs a `historyLimit` that covers the
 * changes of an outage (the default of 32 does); where the history cannot tell, the change is not tried again but handed
 * to `onRejected` as `indeterminate`.
 *
 * @throws JobStoreError INVALID_ARGUMENT; also where another living process uses the journal, or it cannot be opened
 */
export function createReporter<D extends JobDefinition>(
  store: JobStore<D>,
  options: ReporterOptions<D> = {},
): Reporter<D> {
  if (typeof store?.updateStatus !== "function") return invalid("createReporter needs a store made by createJobStore.");
  const { journalPath, onRejected, onEvent } = checkOptions(options, REPORTER_OPTIONS, "createReporter");
  if (journalPath !== undefined && (typeof journalPath !== "string" || journalPath === "")) {
    return invalid(`journalPath must be the path of a file, and is ${show(journalPath)}.`);
  }
  return new StatusReporter(store, {
    maxPending: checkWhole(options.maxPending ?? 10_000, "maxPending", 0, 1_000_000),
    journalPath,
    onRejected: (change) => ignoringErrors(() => onRejected?.(change)),
    onEvent: (event) => ignoringErrors(() => (onEvent ?? warn)(event)),
  });
}

/** Neither what a caller's function throws nor a promise that it rejects gets anywhere. */
function ignoringErrors(call: () => unknown): void {
  (async () => call())().catch(() => {});
}

function warn({ message }: StoreEvent): void {
  if (typeof process === "undefined") console.warn(message);
  else process.emitWarning(message);
}
