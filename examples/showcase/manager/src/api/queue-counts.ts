import { setTimeout as delay } from "node:timers/promises";
import type { StageQueue } from "@showcase/contracts";
import type { Broker, QueueStats } from "@subtitles/queue";

/** Time limit for reading the counts of a queue, in milliseconds. */
const PATIENCE_MS = 1000;

/** Returns the counts of a queue. Null if RabbitMQ is unavailable or does not answer in time. */
export async function countsOrNull(broker: Broker, queue: StageQueue): Promise<QueueStats | null> {
  const settled = new AbortController();
  const tooLate = delay(PATIENCE_MS, null, { signal: settled.signal }).catch(() => null);
  try {
    return await Promise.race([broker.stats(queue).catch(() => null), tooLate]);
  } finally {
    settled.abort();
  }
}
