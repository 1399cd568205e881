import type { input } from "zod/v4/core";
import { checkId, checkInteger, checkOptions, invalid, type KeysOf } from "../arguments.js";
import { Condition } from "../condition.js";
import type { JobDefinition, StatusOf } from "../definition.js";
import { JobStoreError } from "../errors.js";
import type { Job } from "../job.js";
import { CHANGE_OPTIONS } from "../store/option-keys.js";
import { snapshotTarget } from "../store/target.js";
import { unref } from "../timers.js";
import type { Change, JobStore, NextStatusOf } from "../types.js";
import {
  attemptChange,
  closedWhilePending,
  copyProgress,
  type Fence,
  isUnavailable,
  queueFull,
  type ReportedChange,
  targetOf,
  toReportedChange,
} from "./reported-change.js";

/** A change that was not applied, with the reason. */
export interface RejectedChange<D extends JobDefinition> {
  /** Id of the job. */
  readonly id: string;
  /** Status that was reported. */
  readonly to: StatusOf<D>;
  /**
   * Error of the store. UNAVAILABLE if the store did not decide: more than `maxPending` changes were pending, the reporter
   * was closed, or a reply was lost and the job's history does not show whether the change was applied
   * (`indeterminate: true`).
   */
  readonly error: JobStoreError;
}

/** Options of `createReporter`. */
export interface ReporterOptions<D extends JobDefinition> {
  /**
   * Maximum number of changes that wait while the store is unavailable, 0–1,000,000. Above it, `report` resolves to
   * "rejected".
   * @default 10_000
   */
  readonly maxPending?: number | undefined;
  /** Receives every change that was rejected, at once or during replay. An error thrown by this function is ignored. */
  readonly onRejected?: ((change: RejectedChange<D>) => void) | undefined;
}

/** Records status and progress, and never throws because the store is unavailable. Created by `createReporter`. */
export interface Reporter<D extends JobDefinition> extends AsyncDisposable {
  /**
   * Reports a status change.
   * - With an id, only the lifecycle decides whether the job can move from its stored status to `to`.
   * - With a snapshot, the change is fenced, also during replay: the stored job must be the same job, and have the version of
   *   the snapshot, or the version that earlier changes reported with the same snapshot (the same object) produced. A
   *   rejected change produces no version, and the changes after it are checked as usual.
   * - Changes of one job are applied in the order of their reports. Jobs do not wait for each other.
   * - The reporter gives each change a `key` of its own, and ignores the `key` of `change`.
   *
   * @returns "stored": the store has applied the change. "pending": the change waits in memory until the store is available;
   *   then it is applied once or rejected. "rejected": the store rejected the change, or more than `maxPending` changes
   *   wait; `onRejected` receives the reason
   * @throws INVALID_ARGUMENT, INVALID_DATA like `updateStatus`, before any I/O; CLOSED
   */
  report(
    target: string | Job<D>,
    to: NextStatusOf<D, string>,
    change?: Change<D>,
  ): Promise<"stored" | "pending" | "rejected">;
  /**
   * Records progress after the status changes that were reported before it. The reporter keeps only the latest progress of a
   * job, and only until the next status change of that job. It keeps no progress of further jobs if changes or progress of
   * `maxPending` jobs wait. It drops progress that the store rejects. After `close` this function does nothing.
   * @throws INVALID_ARGUMENT, INVALID_DATA
   */
  progress(target: string | Job<D>, progress: input<D["progress"]>): void;
  /** Number of status changes for which `report` resolved to "pending" and that are neither applied nor rejected yet. */
  readonly pending: number;
  /**
   * Resolves when no change and no progress waits.
   * @param options.timeoutMs Time limit in milliseconds, 0–2,147,483,647. @default 30_000
   * @throws TIMEOUT
   */
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;
  /**
   * Waits for calls in flight, and for everything else while the store is available. If the store is unavailable, `close`
   * does not wait for it: it passes each change that is still pending to `onRejected` (UNAVAILABLE), and drops the progress.
   * It does not close the store; close the store afterwards. Later calls of `report` fail with CLOSED.
   */
  close(): Promise<void>;
}

const REPORTER_OPTIONS: KeysOf<ReporterOptions<JobDefinition>> = { maxPending: true, onRejected: true };

const FLUSH_OPTIONS: KeysOf<NonNullable<Parameters<Reporter<JobDefinition>["flush"]>[0]>> = { timeoutMs: true };

/**
 * Creates a reporter for a worker. It records status and progress, and never throws because the store is unavailable. While
 * the store is unavailable, changes wait in order per job. When it is available again, they are replayed with the same
 * checks. A change that is then rejected is passed to `onRejected`; none is dropped silently.
 *
 * Changes wait in the memory of this process only. If the process ends without `close` (a crash, SIGKILL, `process.exit`), all
 * pending changes and progress are lost, and `onRejected` is not called. A worker that must not lose a change acknowledges
 * its message only after `report` resolved to "stored", or after `flush` resolved.
 *
 * Each change is applied at most once, even if a reply is lost: it has a `key` in the job's history, and the reporter reads the
 * history before it tries such a change again. This requires a `historyLimit` that covers the changes during an outage; the
 * default of 32 is usually enough. If the history is too short, the change is passed to `onRejected` with
 * `indeterminate: true`.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function createReporter<D extends JobDefinition>(
  store: JobStore<D>,
  options: ReporterOptions<D> = {},
): Reporter<D> {
  if (typeof store?.updateStatus !== "function") {
    return invalid("`createReporter` requires a store made by createJobStore.");
  }
  const { maxPending = 10_000, onRejected } = checkOptions(options, REPORTER_OPTIONS, "createReporter");
  return new QueueingReporter(store, checkInteger(maxPending, "maxPending", 0, 1_000_000), onRejected);
}

type Answer = "stored" | "pending" | "rejected";

/** A reported change in the queue of its job. */
interface QueuedChange<D extends JobDefinition> extends ReportedChange<D> {
  /** True if `report` has resolved to "pending". */
  isPending: boolean;
  /** Resolves the promise of `report`. Later calls have no effect. */
  readonly answer: (answer: Answer) => void;
}

/** Everything that the store has not received yet about one job. */
interface JobQueue<D extends JobDefinition> {
  readonly id: string;
  readonly changes: QueuedChange<D>[];
  /** Latest progress, which was reported after all of `changes`. */
  progress: { readonly fence: Fence | null; readonly value: input<D["progress"]> } | null;
  /** Call that is in flight. There is at most one per job. */
  inFlight: QueuedChange<D> | "progress" | null;
}

/** Number of jobs whose changes are replayed at the same time. */
const MAX_REPLAYS = 32;
const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

/**
 * Reporter with one queue per job. While the store is available, a queue is sent as soon as something is added to it. After a
 * failed call, queues wait. After each pause a few of them are tried, and the first reply starts the replay of all queues.
 */
class QueueingReporter<D extends JobDefinition> implements Reporter<D> {
  readonly #store: JobStore<D>;
  readonly #maxPending: number;
  readonly #onRejected: ReporterOptions<D>["onRejected"];
  /** Fence of each snapshot that was used as a target, for as long as the caller keeps the snapshot. */
  readonly #fences = new WeakMap<object, Fence>();
  /** Queues that are not empty, by job id. */
  readonly #queues = new Map<string, JobQueue<D>>();
  /** Queues without a call in flight. The replay takes the first one; a queue whose call failed moves to the end. */
  readonly #waiting = new Set<JobQueue<D>>();
  /** Notifies `flush` and `close` whenever a queue has been sent or has to wait. */
  readonly #progressed = new Condition();
  #pending = 0;
  #replaying = 0;
  /** Pauses since the last reply. 0: the store is considered available. */
  #pauses = 0;
  #pauseTimer: NodeJS.Timeout | undefined;
  /** True if `close` no longer waits for the store: no queue is tried any more. */
  #stopped = false;
  #closing: Promise<void> | undefined;

  constructor(store: JobStore<D>, maxPending: number, onRejected: ReporterOptions<D>["onRejected"]) {
    this.#store = store;
    this.#maxPending = maxPending;
    this.#onRejected = onRejected;
  }

  get pending(): number {
    return this.#pending;
  }

  async report(target: string | Job<D>, to: StatusOf<D>, change: Change<D> = {}): Promise<Answer> {
    const checked = checkOptions(change, CHANGE_OPTIONS, "report");
    const reported = toReportedChange(this.#store.definition, this.#resolve(target), to, checked);
    if (this.#closing !== undefined) {
      throw new JobStoreError("CLOSED", "The reporter is closed. Create another reporter to report further changes.");
    }
    return new Promise((answer) => {
      const queue = this.#queueOf(reported.id);
      queue.changes.push({ ...reported, isPending: false, answer });
      queue.progress = null;
      this.#added(queue);
    });
  }

  progress(target: string | Job<D>, progress: input<D["progress"]>): void {
    const { id, fence } = this.#resolve(target);
    const value = copyProgress(this.#store.definition, id, progress);
    if (this.#closing !== undefined) return;
    if (!this.#isAvailable && !this.#queues.has(id) && this.#queues.size >= this.#maxPending) return;
    const queue = this.#queueOf(id);
    queue.progress = { fence, value };
    this.#added(queue);
  }

  async flush(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    const { timeoutMs = 30_000 } = checkOptions(options, FLUSH_OPTIONS, "flush");
    const deadline = performance.now() + checkInteger(timeoutMs, "timeoutMs", 0, 2 ** 31 - 1);
    while (this.#queues.size > 0) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        const state = `After ${timeoutMs} ms, ${this.#pending} status changes are still pending.`;
        throw new JobStoreError(
          "TIMEOUT",
          `${state} They are sent when the store is available again; call flush() again to wait for them.`,
        );
      }
      await this.#progressed.wait(leftMs);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    while (this.#isAvailable && this.#queues.size > 0) await this.#progressed.wait(1000);
    this.#stopped = true;
    clearTimeout(this.#pauseTimer);
    while (this.#hasCallInFlight) await this.#progressed.wait(1000);
    for (const queue of this.#queues.values()) {
      for (const change of [...queue.changes]) this.#reject(queue, change, closedWhilePending(change));
    }
    this.#queues.clear();
    this.#progressed.notify();
  }

  get #isAvailable(): boolean {
    return this.#pauses === 0;
  }

  get #hasCallInFlight(): boolean {
    return [...this.#queues.values()].some(({ inFlight }) => inFlight !== null);
  }

  /** Returns the id of a target and, for a snapshot, its fence. @throws JobStoreError INVALID_ARGUMENT */
  #resolve(target: string | Job<D>): { readonly id: string; readonly fence: Fence | null } {
    if (typeof target !== "object" || target === null) return { id: checkId(target), fence: null };
    const { id, ...state } = snapshotTarget(target);
    const fence = this.#fences.get(target) ?? state;
    this.#fences.set(target, fence);
    return { id, fence };
  }

  #queueOf(id: string): JobQueue<D> {
    let queue = this.#queues.get(id);
    if (queue === undefined) {
      queue = { id, changes: [], progress: null, inFlight: null };
      this.#queues.set(id, queue);
    }
    return queue;
  }

  /** Continues with a queue to which something was added. */
  #added(queue: JobQueue<D>): void {
    if (this.#isAvailable) return void this.#send(queue);
    this.#hold(queue);
    this.#release(queue);
  }

  /** Sends a queue in order, one call at a time, until it is empty or a call fails. Never rejects. */
  async #send(queue: JobQueue<D>): Promise<void> {
    if (queue.inFlight !== null) return;
    this.#waiting.delete(queue);
    let isReplied = true;
    while (isReplied && !isEmpty(queue)) {
      queue.inFlight = queue.changes[0] ?? "progress";
      isReplied =
        queue.inFlight === "progress" ? await this.#sendProgress(queue) : await this.#sendChange(queue, queue.inFlight);
      if (isReplied) this.#replied();
      else this.#pause();
    }
    queue.inFlight = null;
    if (!isReplied) this.#hold(queue);
    this.#release(queue);
  }

  /** Returns false if the store is unavailable. */
  async #sendChange(queue: JobQueue<D>, change: QueuedChange<D>): Promise<boolean> {
    const result = await attemptChange(this.#store, change);
    if (result.kind === "unavailable") return false;
    if (result.kind === "rejected") this.#reject(queue, change, result.error);
    else this.#finish(queue, change, "stored");
    return true;
  }

  /** Returns false if the store is unavailable. The progress then waits, unless something newer was reported in this time. */
  async #sendProgress(queue: JobQueue<D>): Promise<boolean> {
    const { progress } = queue;
    if (progress === null) return true;
    queue.progress = null;
    try {
      await this.#store.updateProgress(targetOf<D>(queue.id, progress.fence), progress.value);
    } catch (error) {
      if (!isUnavailable(error)) return true;
      if (queue.changes.length === 0) queue.progress ??= progress;
      return false;
    }
    return true;
  }

  /** Answers the callers that still wait: "pending", or "rejected" if there is no room. */
  #hold(queue: JobQueue<D>): void {
    const { inFlight } = queue;
    // The caller of the change in flight gets the reply of the store, and those behind it are answered afterwards.
    if (inFlight !== null && inFlight !== "progress" && !inFlight.isPending) return;
    for (const change of [...queue.changes]) {
      if (change.isPending) continue;
      if (this.#pending >= this.#maxPending) {
        this.#reject(queue, change, queueFull(change, this.#pending));
      } else {
        this.#pending++;
        change.isPending = true;
        change.answer("pending");
      }
    }
  }

  /** Forgets a queue if it is empty. Otherwise it waits for the replay. */
  #release(queue: JobQueue<D>): void {
    if (queue.inFlight !== null) return;
    if (isEmpty(queue)) this.#queues.delete(queue.id);
    else this.#waiting.add(queue);
    this.#progressed.notify();
  }

  /** Notes that the store is available. If it was not, the replay starts. */
  #replied(): void {
    if (this.#isAvailable) return;
    this.#pauses = 0;
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = undefined;
    this.#replay();
  }

  /** Notes that the store is unavailable, and waits before the next call. The timer does not keep the process alive. */
  #pause(): void {
    if (this.#pauseTimer !== undefined || this.#stopped) return;
    const pauseMs = Math.min(MIN_RETRY_MS * 2 ** this.#pauses++, MAX_RETRY_MS);
    const end = () => {
      this.#pauseTimer = undefined;
      // If nothing waits, only the next report can show whether the store is available again.
      if (this.#waiting.size === 0) this.#pauses = 0;
      this.#replay();
    };
    this.#pauseTimer = unref(setTimeout(end, pauseMs * (0.5 + Math.random() / 2)));
  }

  /** Sends the queues that wait, a limited number at a time. */
  #replay(): void {
    while (!this.#stopped && this.#pauseTimer === undefined && this.#replaying < MAX_REPLAYS) {
      const [queue] = this.#waiting;
      if (queue === undefined) return;
      this.#replaying++;
      void this.#send(queue).then(() => {
        this.#replaying--;
        this.#replay();
      });
    }
  }

  #reject(queue: JobQueue<D>, change: QueuedChange<D>, error: JobStoreError): void {
    const { id, to } = change;
    // Called in a microtask, so that it can call this reporter. Its errors and rejected promises are ignored.
    Promise.resolve({ id, to, error })
      .then(this.#onRejected)
      .catch(() => {});
    this.#finish(queue, change, "rejected");
  }

  #finish(queue: JobQueue<D>, change: QueuedChange<D>, answer: "stored" | "rejected"): void {
    queue.changes.splice(queue.changes.indexOf(change), 1);
    if (change.isPending) this.#pending--;
    change.answer(answer);
  }
}

function isEmpty<D extends JobDefinition>(queue: JobQueue<D>): boolean {
  return queue.changes.length === 0 && queue.progress === null;
}
