import type { PauseRequest, QueuePause } from "../driver.js";

/** Paused queues of one memory driver. */
export class MemoryPauses {
  readonly #pauses = new Map<string, QueuePause>();

  /** Returns the pause of a queue. undefined: there is none, or it has ended. */
  of(queue: string): QueuePause | undefined {
    const pause = this.#pauses.get(queue);
    if (pause === undefined || endOf(pause) > Date.now()) return pause;
    this.#pauses.delete(queue);
    return undefined;
  }

  pause({ unlessLonger, ...request }: PauseRequest): void {
    const present = this.of(request.queue);
    if (unlessLonger && present !== undefined && endOf(present) >= endOf(request)) return;
    this.#pauses.set(request.queue, { ...request, since: present?.since ?? Date.now() });
  }

  /** Returns false if the queue was not paused. */
  resume(queue: string): boolean {
    return this.of(queue) !== undefined && this.#pauses.delete(queue);
  }

  all(): readonly QueuePause[] {
    return [...this.#pauses.keys()].flatMap((queue) => this.of(queue) ?? []);
  }
}

function endOf({ until }: Pick<QueuePause, "until">): number {
  return until ?? Number.POSITIVE_INFINITY;
}
