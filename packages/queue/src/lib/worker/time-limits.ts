import { unref } from "../timers.js";

/** Run with a time limit. */
export interface LimitedRun {
  /** End of the time limit, as a value of `performance.now()`. It can only become later. Infinity: the run waits for the store. */
  readonly endsAt: number;
  timeOut(): void;
}

/** Time limits of the runs of a worker. They share one timer. */
export class TimeLimits {
  readonly #runs = new Set<LimitedRun>();
  #timer: NodeJS.Timeout | null = null;

  add(run: LimitedRun): void {
    this.#runs.add(run);
    this.#timer ??= this.#wait(run.endsAt);
  }

  remove(run: LimitedRun): void {
    this.#runs.delete(run);
  }

  /** Must be called when a run no longer waits for the store. */
  continued(run: LimitedRun): void {
    if (this.#runs.has(run)) this.#timer ??= this.#wait(run.endsAt);
  }

  #wait(until: number): NodeJS.Timeout {
    const timer = setTimeout(() => this.#check(), Math.max(1, Math.ceil(until - performance.now())));
    unref(timer);
    return timer;
  }

  #check(): void {
    this.#timer = null;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const run of this.#runs) {
      if (run.endsAt > now) next = Math.min(next, run.endsAt);
      else {
        this.#runs.delete(run);
        run.timeOut();
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.#timer = this.#wait(next);
  }
}
