import { setTimeout as pause } from "node:timers/promises";
import { createBroker, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { z } from "zod";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";

const PUBLISHERS = 4;
const BEFORE_MS = 2_000;
const AFTER_MS = 5_000;
/** For what was confirmed to arrive. */
const ARRIVAL_MS = 20_000;

/** What became of the messages of a cluster of three nodes, one of which was killed. */
export interface Survival {
  readonly confirmed: number;
  /** Confirmed, and never arrived. */
  readonly lost: number;
  readonly failed: number;
  /** The longest time without a confirm, and without a delivery, in milliseconds. */
  readonly publishingPausedMs: number;
  readonly consumingPausedMs: number;
}

/** Kills the node that publishes, deliveries and the queue's leader all go through. */
export async function killNode(): Promise<Survival> {
  await using first = await startRabbitmq();
  await using second = await startRabbitmq({ join: first });
  await using third = await startRabbitmq({ join: first });
  const url = [first.url, second.url, third.url];
  await using broker = createBroker({ driver: rabbitmqDriver({ url }) });
  const queue = defineQueue({ name: "work", payload: z.number(), retryDelaysMs: [] });

  const [confirms, deliveries] = [new Moments(), new Moments()];
  const confirmed: number[] = [];
  const arrived = new Set<number>();
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
    arrived.add(payload);
    deliveries.note();
  };
  await broker.consume(queue, handle, { concurrency: 20 });
  const publishing = Promise.all(Array.from({ length: PUBLISHERS }, (_, part) => publish(part)));
  await pause(BEFORE_MS);
  await first.kill();
  await pause(AFTER_MS);
  // A pause that did not end is one, too.
  for (const moments of [confirms, deliveries]) moments.note();
  stopped = true;
  await publishing;
  const missing = () => confirmed.filter((n) => !arrived.has(n)).length;
  const giveUpAt = performance.now() + ARRIVAL_MS;
  while (missing() > 0 && performance.now() < giveUpAt) await pause(50);
  const [publishingPausedMs, consumingPausedMs] = [confirms.longestGapMs, deliveries.longestGapMs];
  return { confirmed: confirmed.length, lost: missing(), failed, publishingPausedMs, consumingPausedMs };
}

/** When something happened, time after time. */
class Moments {
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
