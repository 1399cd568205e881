import type { Answer, Failure } from "../driver.js";

interface Call {
  /** Carries it out if its time has come. */
  attempt(): void;
  fail(failure: Failure): void;
}

/** Calls that wait for a fault to be over, in their order. */
export class Waiting {
  readonly #calls = new Set<Call>();
  #onIdle: (() => void) | undefined;

  /** Acts at once where `isPossible`, else as soon as it is; after `limitMs`, answers what `late` says. */
  act<T>(
    isPossible: () => boolean,
    action: () => Answer<T>,
    limitMs: number,
    late: () => Failure,
  ): Answer<T> | Promise<Answer<T>> {
    if (isPossible()) return action();
    return new Promise((resolve) => {
      const settle = (answer: Answer<T>) => {
        clearTimeout(timer);
        this.#calls.delete(call);
        resolve(answer);
        if (this.#calls.size === 0) this.#onIdle?.();
      };
      const call: Call = { attempt: () => isPossible() && settle(action()), fail: settle };
      const timer = setTimeout(() => settle(late()), limitMs);
      this.#calls.add(call);
    });
  }

  lookAgain(): void {
    for (const call of this.#calls) call.attempt();
  }

  /** Waits up to `graceMs` for all of them; the rest is answered with `failure`. */
  async end(graceMs: number, failure: Failure): Promise<void> {
    if (this.#calls.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
    for (const call of this.#calls) call.fail(failure);
  }
}
