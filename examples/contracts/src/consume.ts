import { setTimeout as delay } from "node:timers/promises";
import { type Broker, type Consumer, type Handler, QueueError } from "@subtitles/queue";
import type { Log } from "./log.js";
import type { StageQueue } from "./queues.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Consumes a queue as soon as the broker lets it: a worker that is started before RabbitMQ waits for it. The same goes
 * for a queue that exists with other settings, until someone has mended that; what is wrong is logged each time.
 */
export function consumeWhenReachable(
  broker: Broker,
  queue: StageQueue,
  deliver: Handler<StageQueue>,
  { concurrency, log }: { readonly concurrency: number; readonly log: Log },
): Consumer {
  const stop = new AbortController();
  let consumer: Consumer | undefined;

  async function start(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; !stop.signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      try {
        consumer = await broker.consume(queue, deliver, { concurrency });
        log.info({ queue: queue.name }, "waiting for messages");
        if (stop.signal.aborted) await consumer.close();
        return;
      } catch (error) {
        if (QueueError.is(error, "CLOSED")) return;
        // Anything else is a mistake in the code: unhandled, it ends the process.
        if (!mayPass(error)) throw error;
        log.warn({ err: error, queue: queue.name }, "cannot consume yet: trying again");
      }
      await delay(waitMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  }

  async function close(options?: { readonly graceMs?: number | undefined }): Promise<void> {
    stop.abort();
    await consumer?.close(options);
  }

  void start();
  return { close, [Symbol.asyncDispose]: () => close() };
}

function mayPass(error: unknown): boolean {
  return (["UNAVAILABLE", "TIMEOUT", "TOPOLOGY_MISMATCH"] as const).some((code) => QueueError.is(error, code));
}
