import type { LiveWorkerRecord, QueueConsumer, Target, WorkerRecord } from "../driver.js";
import { CONSUMER_MS, MAX_RUNNING } from "../driver-rules.js";

/** Live workers of one memory driver, and the queues that workers have consumed. */
export class MemoryWorkers {
  readonly #records = new Map<string, LiveWorkerRecord & { readonly endsAt: number }>();
  readonly #consumers = new Map<string, QueueConsumer & { readonly seenAt: number }>();

  announce(worker: WorkerRecord, targets: readonly Target[], leaseMs: number): void {
    if (leaseMs === 0) {
      this.#records.delete(worker.id);
      return;
    }
    const seenAt = Date.now();
    const { queue, from, working } = worker;
    const known = this.#records.has(worker.id) ? this.#consumers.get(queue) : undefined;
    this.#consumers.set(queue, { ...(known ?? { queue, from, working }), seenAt });
    const running = targets.slice(0, MAX_RUNNING).map(({ id }) => id);
    this.#records.set(worker.id, { ...worker, running, seenAt, endsAt: seenAt + leaseMs });
  }

  get live(): readonly LiveWorkerRecord[] {
    for (const [id, { endsAt }] of this.#records) if (endsAt <= Date.now()) this.#records.delete(id);
    return Array.from(this.#records.values(), ({ endsAt: _, ...record }) => record);
  }

  get consumers(): readonly QueueConsumer[] {
    for (const [queue, { seenAt }] of this.#consumers)
      if (seenAt + CONSUMER_MS < Date.now()) this.#consumers.delete(queue);
    return Array.from(this.#consumers.values(), ({ seenAt: _, ...consumer }) => consumer);
  }
}
