import { setTimeout as pause } from "node:timers/promises";
import { createBroker, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { z } from "zod";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";

const PUBLISHERS = 4;
const BEFORE_MS = 2_000;
const AFTER_MS = 5_000;
/** Time limit for the delivery of the confirmed messages. */
const DELIVERY_LIMIT_MS = 20_000;

/** Result for the messages of a cluster of three nodes after one node was killed. */
export interface ClusterResult {
  readonly confirmed: number;
  /** Number of confirmed messages that were never delivered. */
  readonly lost: number;
  readonly failed: number;
  /** Longest time without a confirm, in ms. */
  readonly publishingPausedMs: number;
  /** Longest time without a delivery, in ms. */
  readonly consumingPausedMs: number;
}

/** Kills the node to which the client is connected and on which the leader of the queue runs. */
export async function killNode(): Promise<ClusterResult> {
  await using first = await startRabbitmq();
  await using second = await startRabbitmq({ join: first });
  await using third = await startRabbitmq({ join: first });
  const url = [first.url, second.url, third.url];
  await using broker = createBroker({ driver: rabbitmqDriver({ url }) });
  const queue = defineQueue({ name: "work", payload: z.number(), retryDelaysMs: [] });

  const [confirms, deliveries] = [new Gaps(), new Gaps()];
  const confirmed: number[] = [];
  const delivered = new Set<number>();
  let failed = 0;
  let stopped = false;
  const publish = async (part: number) => {
    for (let n = part; !stopped; n += PUBLISHERS) {
      const sent = await broker.publish(queue, n).catch(() => null);
      if (sent === null) {
        failed++;
        continue;
      }
      confirmed.push(n);
      confirms.note();
    }
  };
  const handle = async ({ payload }: { readonly payload: number }) => {
    delivered.add(payload);
    deliveries.note();
  };
  await broker.consume(queue, handle, { concurrency: 20 });
  const publishing = Promise.all(Array.from({ length: PUBLISHERS }, (_, part) => publish(part)));
  await pause(BEFORE_MS);
  await first.kill();
  await pause(AFTER_MS);
  // A pause that has not ended yet also counts.
  for (const gaps of [confirms, deliveries]) gaps.note();
  stopped = true;
  await publishing;
  const missing = () => confirmed.filter((n) => !delivered.has(n)).length;
  const end = performance.now() + DELIVERY_LIMIT_MS;
  while (missing() > 0 && performance.now() < end) await pause(50);
  const [publishingPausedMs, consumingPausedMs] = [confirms.longestGapMs, deliveries.longestGapMs];
  return { confirmed: confirmed.length, lost: missing(), failed, publishingPausedMs, consumingPausedMs };
}

/** Longest time between two occurrences of an event. */
class Gaps {
  #last: number | null = null;
  #longestGapMs = 0;

  note(): void {
    const now = performance.now();
    if (this.#last !== null) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#last);
    this.#last = now;
  }

  get longestGapMs(): number {
    return Math.round(this.#longestGapMs);
  }
}
