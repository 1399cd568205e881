import { setTimeout as delay } from "node:timers/promises";
import type { StageQueue } from "@showcase/contracts";
import type { Broker, QueueStats } from "@subtitles/queue";

/** Nobody who asks how long a queue is waits longer for it. */
const PATIENCE_MS = 1000;

/** A queue's counts; null where RabbitMQ is away or does not answer soon. */
export async function countsOrNull(broker: Broker, queue: StageQueue): Promise<QueueStats | null> {
  const settled = new AbortController();
  const tooLate = delay(PATIENCE_MS, null, { signal: settled.signal }).catch(() => null);
  try {
    return await Promise.race([broker.stats(queue).catch(() => null), tooLate]);
  } finally {
    settled.abort();
  }
}
