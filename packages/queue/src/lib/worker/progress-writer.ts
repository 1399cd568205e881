import { unref } from "../timers.js";
import { isLoss } from "./loss.js";
import type { StoreCalls } from "./store-calls.js";
import type { AnyJob, WorkerStore } from "./worker-store.js";

/** Time between two writes. */
const INTERVAL_MS = 250;

export interface ProgressWriterOptions {
  readonly store: WorkerStore;
  readonly calls: StoreCalls;
  readonly job: AnyJob;
  /** Called if the store refuses a value. */
  readonly onRefused: (error: unknown) => void;
  /** Called if the store reports that the job was changed by someone else. */
  readonly onLost: () => void;
}

/** Writes the progress of one run, the newest value at each interval. */
export class ProgressWriter {
  readonly #options: ProgressWriterOptions;
  /** Newest value that is not stored yet. */
  #unstored: { readonly value: unknown } | null = null;
  #writing = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: ProgressWriterOptions) {
    this.#options = options;
  }

  /** Newest value that is not stored yet; undefined if there is none. */
  get unstored(): unknown {
    return this.#unstored?.value;
  }

  report(value: unknown): void {
    if (this.#closed) return;
    this.#unstored = { value };
    if (!this.#writing && this.#timer === null) void this.#write();
  }

  /** Forgets the newest value, because another call stores a newer one. */
  clear(): void {
    this.#unstored = null;
  }

  /** Ends the writing. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#options.calls.forget(this);
  }

  async #write(): Promise<void> {
    const written = this.#unstored;
    if (written === null || this.#closed) return;
    const { store, calls, job, onRefused, onLost } = this.#options;
    this.#writing = true;
    try {
      const stored = await calls.once(this, async () => {
        await store.updateProgress(job, written.value);
        return true;
      });
      if (stored !== null && this.#unstored === written) this.#unstored = null;
    } catch (error) {
      if (this.#unstored === written) this.#unstored = null;
      if (isLoss(error)) onLost();
      else onRefused(error);
    }
    this.#writing = false;
    if (this.#closed) {
      calls.forget(this);
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#write();
    }, INTERVAL_MS);
    unref(this.#timer);
  }
}
