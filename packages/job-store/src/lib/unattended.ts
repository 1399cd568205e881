import type { LiveWorkerRecord, QueueConsumer } from "./driver.js";

/** Returns the statuses that consumers named in `from` and that no live worker names, each with the queues of these consumers. */
export function unattendedStatuses(
  live: readonly LiveWorkerRecord[],
  consumers: readonly QueueConsumer[],
): ReadonlyMap<string, readonly string[]> {
  const attended = new Set(live.flatMap(({ from, working }) => [...from, working]));
  const unattended = new Map<string, readonly string[]>();
  for (const { queue, from } of consumers) {
    for (const status of from) {
      if (!attended.has(status)) unattended.set(status, [...(unattended.get(status) ?? []), queue].sort());
    }
  }
  return unattended;
}
