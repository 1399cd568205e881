import { AsyncResource } from "node:async_hooks";
import type { TracedRun } from "../broker-access.js";
import type { QueueDefinition } from "../definition.js";
import type { Envelope } from "../driver.js";
import { QueueError } from "../errors.js";
import { unref } from "../timers.js";
import { Checkpoints } from "./checkpoints.js";
import type { WorkerSettings } from "./options.js";
import { ProgressWriter } from "./progress-writer.js";
import { RunContext, RunMessage } from "./run-context.js";
import type { StoreCalls } from "./store-calls.js";
import type { LimitedRun, TimeLimits } from "./time-limits.js";
import type { AnyJob } from "./worker-store.js";

/** Time that an aborted run has to return an outcome. */
export const ABORT_GRACE_MS = 5_000;
/** Time between two reports about a run that ignores its signal. */
const STUCK_INTERVAL_MS = 60_000;

/** Result of a run. */
export type RunResult =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: unknown }
  /** The run ignored its aborted signal until its grace time was over. It continues, and what it returns is ignored. */
  | { readonly kind: "overdue" };

/** Parts that all runs of a worker share. */
export interface RunSurroundings {
  readonly settings: WorkerSettings;
  readonly calls: StoreCalls;
  readonly timeLimits: TimeLimits;
  /** Calls a run. An instrumented broker adds a span to it. */
  readonly tracedRun: TracedRun<QueueDefinition>;
  /** Signal that aborts when the worker begins to close. Created when it is read. */
  readonly closing: AbortSignal;
}

export interface RunOptions {
  readonly job: AnyJob;
  readonly envelope: Envelope;
  readonly payload: unknown;
  readonly redelivered: boolean;
  readonly attempt: number;
  readonly lastAttempt: boolean;
  readonly owner: RunOwner;
}

/** Owner of a run. */
export interface RunOwner {
  /** Called if a call of the run finds that the job was changed by someone else. */
  leaseLost(): void;
  /** Called if the store refuses a reported progress. */
  progressRefused(error: unknown): void;
  /** Called when the run is overdue, and then every minute. */
  runStuck(): void;
  /** Called when an overdue run has settled. */
  runEndedLate(): void;
}

/** Calls the run of a message. Passed to `BrokerAccess.traced`. */
export const callRun: TracedRun<QueueDefinition> = (message) =>
  message instanceof RunMessage ? message.call() : Promise.resolve();

/** One call of `run`, from its start until it settles. */
export class ActiveRun implements LimitedRun {
  /** Value of `performance.now()` at the start. */
  readonly startedAt = performance.now();
  readonly attempt: number;
  readonly lastAttempt: boolean;
  readonly #options: RunOptions;
  readonly #around: RunSurroundings;
  #state: "running" | "overdue" | "settled" = "running";
  #value: unknown;
  #message: RunMessage | null = null;
  /** Context of the run's span. Null if the broker is not instrumented. */
  #trace: AsyncResource | null = null;
  #controller: AbortController | null = null;
  #reason: Error | null = null;
  #progress: ProgressWriter | null = null;
  #checkpoints: Checkpoints | null = null;
  #graceTimer: NodeJS.Timeout | null = null;
  #stuckTimer: NodeJS.Timeout | null = null;
  #end: (result: RunResult) => void = () => {};

  constructor(options: RunOptions, around: RunSurroundings) {
    this.#options = options;
    this.#around = around;
    this.attempt = options.attempt;
    this.lastAttempt = options.lastAttempt;
  }

  get durationMs(): number {
    return Math.round(performance.now() - this.startedAt);
  }

  /** True if `run` has settled. */
  get settled(): boolean {
    return this.#state === "settled";
  }

  /** Reason of the signal; null if it was not aborted. */
  get reason(): Error | null {
    return this.#reason;
  }

  /** Newest reported progress that is not stored; undefined if there is none. */
  get unstoredProgress(): unknown {
    return this.#progress?.unstored;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#reason !== null) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get closing(): AbortSignal {
    return this.#around.closing;
  }

  /** Starts the run. Resolves when it has settled or is overdue. */
  start(): Promise<RunResult> {
    const { settings, timeLimits, tracedRun } = this.#around;
    const { envelope, payload, redelivered } = this.#options;
    if (settings.timeoutMs !== undefined) timeLimits.add(this);
    const message = new RunMessage(this, envelope, payload, redelivered);
    this.#message = message;
    (async () => tracedRun(message))().then(
      () => this.#settle({ kind: "returned", value: this.#value }),
      (error: unknown) => this.#settle({ kind: "threw", error }),
    );
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async call(): Promise<void> {
    if (this.#message === null) return;
    if (this.#around.tracedRun !== callRun) this.#trace = new AsyncResource("run");
    this.#value = await this.#around.settings.run(this.#options.job, new RunContext(this, this.#message));
  }

  /** Makes a call in the trace of the run, so that the messages of an outcome continue this trace. */
  inTrace<T>(call: () => T): T {
    return this.#trace === null ? call() : this.#trace.runInAsyncScope(call);
  }

  /** Aborts the signal. If `run` has not settled after `graceMs`, it is overdue. Only the first call counts. */
  abort(reason: Error, graceMs: number): void {
    if (this.#state !== "running" || this.#reason !== null) return;
    this.#reason = reason;
    this.#graceTimer = setTimeout(() => this.#overdue(), graceMs);
    unref(this.#graceTimer);
    this.#checkpoints?.end(reason);
    this.#controller?.abort(reason);
  }

  /** Makes a run overdue whose signal was aborted earlier, for a reason with a longer grace time. */
  expire(): void {
    if (this.#reason !== null) this.#overdue();
  }

  get endsAt(): number {
    if (this.#checkpoints?.waiting === true) return Number.POSITIVE_INFINITY;
    const { timeoutMs = Number.POSITIVE_INFINITY } = this.#around.settings;
    return this.startedAt + (this.#checkpoints?.waitedMs ?? 0) + timeoutMs;
  }

  timeOut(): void {
    const { settings } = this.#around;
    const text = `Job ${this.#options.job.id} was not finished within ${settings.timeoutMs} ms (timeoutMs).`;
    this.abort(new QueueError("TIMEOUT", text, { queue: settings.queue.name }), ABORT_GRACE_MS);
  }

  report(progress: unknown): void {
    if (this.#state !== "running") return;
    const { settings, calls } = this.#around;
    const { job, owner } = this.#options;
    this.#progress ??= new ProgressWriter({
      store: settings.store,
      calls,
      job,
      onRefused: (error) => owner.progressRefused(error),
      onLost: () => owner.leaseLost(),
    });
    this.#progress.report(progress);
  }

  checkpoint(progress: unknown): Promise<void> {
    if (this.#checkpoints === null) {
      const { settings, calls, timeLimits } = this.#around;
      const { job, owner } = this.#options;
      const onLost = () => owner.leaseLost();
      const onContinue = () => timeLimits.continued(this);
      this.#checkpoints = new Checkpoints({ store: settings.store, calls, job, onLost, onContinue });
      const reason = this.#reason ?? (this.#state === "running" ? null : runEnded());
      if (reason !== null) this.#checkpoints.end(reason);
    }
    this.#progress?.clear();
    return this.#checkpoints.save(progress);
  }

  #settle(result: RunResult): void {
    const late = this.#state === "overdue";
    this.#state = "settled";
    if (this.#stuckTimer !== null) clearInterval(this.#stuckTimer);
    this.#stop();
    if (late) this.#options.owner.runEndedLate();
    else this.#end(result);
  }

  #overdue(): void {
    if (this.#state !== "running") return;
    this.#state = "overdue";
    this.#stop();
    this.#options.owner.runStuck();
    this.#stuckTimer = setInterval(() => this.#options.owner.runStuck(), STUCK_INTERVAL_MS);
    unref(this.#stuckTimer);
    this.#end({ kind: "overdue" });
  }

  /** Ends what belongs to the run only until it has its result. */
  #stop(): void {
    if (this.#around.settings.timeoutMs !== undefined) this.#around.timeLimits.remove(this);
    if (this.#graceTimer !== null) clearTimeout(this.#graceTimer);
    this.#progress?.close();
    this.#checkpoints?.end(this.#reason ?? runEnded());
  }
}

function runEnded(): QueueError {
  return new QueueError("CLOSED", "The run has ended, so its progress is no longer stored.");
}
