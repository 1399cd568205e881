import type { Envelope, Place, QueueShape } from "../driver.js";
import { MemoryQueue } from "./memory-queue.js";

/** All queues of one driver. */
export class MemoryServer {
  readonly #queues = new Map<string, MemoryQueue>();

  constructor(readonly maxMessages: number) {}

  get isFull(): boolean {
    let stored = 0;
    for (const queue of this.#queues.values()) stored += queue.size;
    return stored >= this.maxMessages;
  }

  queue({ name }: QueueShape): MemoryQueue {
    const queue = this.#queues.get(name) ?? new MemoryQueue();
    this.#queues.set(name, queue);
    return queue;
  }

  store(shape: QueueShape, envelope: Envelope, place: Place): void {
    const queue = this.queue(shape);
    if (place === "ready") queue.add(envelope);
    else if (place === "dead") queue.bury(envelope);
    else queue.addLater(envelope, place.afterMs);
  }
}
