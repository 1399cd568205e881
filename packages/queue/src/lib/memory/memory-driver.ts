import { checkWhole } from "../arguments.js";
import { type Answer, type Driver, done, type Failure, type QueueDriver, type Session } from "../driver.js";
import { MemoryConsumer, MemoryQueue } from "./memory-queue.js";

const CLOSED: Failure = { ok: false, failure: "closed", indeterminate: false };

/**
 * Queues that live in this process and end with it. They belong to the driver object: two brokers over the same one share
 * them. Waiting retries do not keep the process alive.
 *
 * @param options.maxMessages past it, publishing is UNAVAILABLE; 1 to 10,000,000, all queues together, dead letters
 *   included. @default 100_000
 * @throws QueueError INVALID_ARGUMENT
 */
export function memoryDriver(options?: { readonly maxMessages?: number | undefined }): QueueDriver {
  const maxMessages = checkWhole(options?.maxMessages ?? 100_000, "maxMessages", 1, 10_000_000);
  const queues = new Map<string, MemoryQueue>();
  const queueOf = (name: string) => {
    const queue = queues.get(name) ?? new MemoryQueue();
    queues.set(name, queue);
    return queue;
  };
  const isFull = () => {
    let stored = 0;
    for (const queue of queues.values()) stored += queue.size;
    return stored >= maxMessages;
  };
  const driver: Driver = {
    name: "memory",
    open: () => openSession(queueOf, () => (isFull() ? maxMessages : null)),
  };
  return driver;
}

function openSession(queueOf: (name: string) => MemoryQueue, fullAt: () => number | null): Session {
  const attached = new Map<MemoryConsumer, MemoryQueue>();
  let closed = false;
  const answer = <T>(value: () => T): Answer<T> => (closed ? CLOSED : { ok: true, value: value() });

  const detach = (consumer: MemoryConsumer) => {
    attached.get(consumer)?.detach(consumer);
    attached.delete(consumer);
    for (const delivery of consumer.held) delivery.settle("release");
  };

  return {
    async publish(queue, envelope, place) {
      if (closed) return CLOSED;
      const limit = place === "ready" ? fullAt() : null;
      if (limit !== null) {
        const reason = `the memory driver is full: it holds ${limit} messages, see maxMessages`;
        return { ok: false, failure: "unavailable", reason, indeterminate: false };
      }
      if (place === "ready") queueOf(queue.name).add(envelope);
      else if (place === "dead") queueOf(queue.name).bury(envelope);
      else queueOf(queue.name).addLater(envelope, place.afterMs);
      return done;
    },

    async consume(queue, subscriber, { prefetch }) {
      return answer(() => {
        const consumer = new MemoryConsumer(subscriber, prefetch);
        attached.set(consumer, queueOf(queue.name));
        queueOf(queue.name).attach(consumer);
        return {
          stop: async () => attached.get(consumer)?.detach(consumer),
          close: async () => detach(consumer),
        };
      });
    },

    async stats(queue) {
      return answer(() => queueOf(queue.name).counts());
    },

    async visitDead(queue, visit) {
      if (closed) return CLOSED;
      await queueOf(queue.name).visitDead(visit);
      return done;
    },

    async purge(queue) {
      return answer(() => queueOf(queue.name).purge());
    },

    async health() {
      const fault = closed ? "the broker object is closed" : null;
      return { latencyMs: closed ? null : 0, blocked: false, pendingConfirms: 0, reconnects: 0, warnings: [], fault };
    },

    async close() {
      closed = true;
      for (const consumer of [...attached.keys()]) detach(consumer);
    },
  };
}
