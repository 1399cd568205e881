import type { LiveWorkerRecord, QueueConsumer } from "./driver.js";

/** Time for which a queue is remembered after its last worker was alive, in milliseconds: 30 days. It can be a day shorter. */
export const CONSUMER_MS = 2_592_000_000;

/** Maximum number of ids of running jobs in the record of a worker. */
export const MAX_RUNNING = 1000;

/** Returns the statuses that live workers name, in `from` or as `working`. */
export function attendedStatuses(live: readonly LiveWorkerRecord[]): readonly string[] {
  return live.flatMap(({ from, working }) => [...from, working]);
}

/** Returns the statuses that consumers named in `from` and that no live worker names, each with the queues of these consumers. */
export function unattendedStatuses(
  live: readonly LiveWorkerRecord[],
  consumers: readonly QueueConsumer[],
): ReadonlyMap<string, readonly string[]> {
  const attended = new Set(attendedStatuses(live));
  const unattended = new Map<string, readonly string[]>();
  for (const { queue, from } of consumers) {
    for (const status of from) {
      if (!attended.has(status)) unattended.set(status, [...(unattended.get(status) ?? []), queue].sort());
    }
  }
  return unattended;
}
