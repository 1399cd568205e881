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
  #timer: NodeJS.Timeout | undefined;
  /** Time at which the timer ends, as a value of `performance.now()`. Infinity: there is no timer. */
  #timerAt = Number.POSITIVE_INFINITY;

  add(run: LimitedRun): void {
    this.#runs.add(run);
    this.#schedule(run.endsAt);
  }

  remove(run: LimitedRun): void {
    this.#runs.delete(run);
  }

  /** Must be called when a run no longer waits for the store. */
  continued(run: LimitedRun): void {
    if (this.#runs.has(run)) this.#schedule(run.endsAt);
  }

  /** Sets the timer, unless it ends earlier. */
  #schedule(until: number): void {
    if (until >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = until;
    this.#timer = setTimeout(() => this.#check(), Math.max(1, Math.ceil(until - performance.now())));
    unref(this.#timer);
  }

  #check(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const run of this.#runs) {
      if (run.endsAt > now) next = Math.min(next, run.endsAt);
      else {
        this.#runs.delete(run);
        run.timeOut();
      }
    }
    this.#schedule(next);
  }
}
