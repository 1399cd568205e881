import { QueueError } from "../errors.js";
import { isLoss } from "./loss.js";
import { CallStopped, type StoreCalls } from "./store-calls.js";
import type { AnyJob, WorkerStore } from "./worker-store.js";

export interface CheckpointOptions {
  readonly store: WorkerStore;
  readonly calls: StoreCalls;
  readonly job: AnyJob;
  /** Called if the store reports that the job was changed by someone else. It leads to `end`. */
  readonly onLost: () => void;
  /** Called when no checkpoint is being stored any more. */
  readonly onContinue: () => void;
}

/** Checkpoints of one run: progress that the run waits for until it is stored. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  /** Functions that reject the pending checkpoints. */
  readonly #pending = new Set<(reason: Error) => void>();
  #waitingSince = 0;
  #waitedMs = 0;
  #reason: Error | null = null;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** True while the run waits for a checkpoint. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Time in milliseconds that the run has waited for checkpoints. Waits that overlap count once. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Stores progress. Waits while the store is unavailable. @throws the reason of `end`; JobStoreError INVALID_DATA */
  save(progress: unknown): Promise<void> {
    const saved = this.#save(progress);
    // A checkpoint that the run does not await must not cause an unhandled rejection.
    saved.catch(() => undefined);
    return saved;
  }

  /** Rejects all checkpoints with this reason. */
  end(reason: Error): void {
    this.#reason ??= reason;
    for (const reject of this.#pending) reject(reason);
  }

  async #save(progress: unknown): Promise<void> {
    if (this.#reason !== null) throw this.#reason;
    const { store, calls, job, onLost, onContinue } = this.#options;
    let reject: (reason: Error) => void = () => {};
    const ended = new Promise<never>((_, onEnd) => {
      reject = onEnd;
    });
    if (this.#pending.size === 0) this.#waitingSince = performance.now();
    this.#pending.add(reject);
    const call = calls.repeat(
      () => store.updateProgress(job, progress),
      () => this.#reason === null,
    );
    const stored = call.catch(async (error: unknown) => {
      if (error instanceof CallStopped) throw this.#reason ?? new QueueError("CLOSED", "The worker is closed.");
      if (!isLoss(error)) throw error;
      onLost();
      return ended;
    });
    try {
      await Promise.race([stored, ended]);
    } finally {
      stored.catch(() => undefined);
      this.#pending.delete(reject);
      if (this.#pending.size === 0) {
        this.#waitedMs += performance.now() - this.#waitingSince;
        onContinue();
      }
    }
  }
}
