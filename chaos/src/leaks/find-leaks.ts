import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis, usedMemoryMb } from "../../../test/servers/redis.js";
import { openService } from "./service.js";

export interface Sample {
  readonly minute: number;
  readonly heapMb: number;
  /** Number of timers, sockets and other resources that keep a process alive. */
  readonly handles: number;
  readonly redisMb: number;
  /** Number of messages that are not published or not processed yet. */
  readonly waiting: number;
}

export interface Leaks {
  readonly samples: readonly Sample[];
  readonly orders: number;
  /** Resources that grew. */
  readonly grown: readonly string[];
}

/** Share of the time in which caches fill and finished jobs accumulate. It is not evaluated. */
const WARM_UP = 0.2;
/** Growth that counts as measurement noise. */
const NOISE = { heapMb: 5, handles: 2, redisMb: 3, waiting: 20 };

/** Runs a service with constant load and measures its resources. */
export async function findLeaks(minutes: number): Promise<Leaks> {
  const gc = exposeGc();
  await using redis = await startRedis({ args: PERSISTENT });
  await using broker = await startRabbitmq();
  const admin = new Redis(redis.url);
  const service = openService(redis.url, broker.url);
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 60_000;
  const sample = async (): Promise<Sample> => {
    gc();
    return {
      minute: elapsed(),
      heapMb: process.memoryUsage().heapUsed / 2 ** 20,
      handles: process.getActiveResourcesInfo().length,
      redisMb: await usedMemoryMb(admin),
      waiting: await service.waiting(),
    };
  };
  try {
    const samples: Sample[] = [];
    const stop = new AbortController();
    const running = service.run(stop.signal);
    const sampling = (async () => {
      for (; elapsed() < minutes; await pause(Math.max(1_000, minutes * 500))) samples.push(await sample());
      stop.abort();
    })();
    const [orders] = await Promise.all([running, sampling]);
    samples.push(await sample());
    return { samples, orders, grown: growthIn(samples) };
  } finally {
    await service.close();
    admin.disconnect();
  }
}

/** Compares the medians of the last fifth of the samples and of the first fifth after the warm-up. */
function growthIn(samples: readonly Sample[]): readonly string[] {
  const fifth = Math.floor(samples.length * WARM_UP);
  const [early, late] = [samples.slice(fifth, 2 * fifth), samples.slice(-fifth - 1, -1)];
  return (Object.keys(NOISE) as (keyof typeof NOISE)[]).flatMap((name) => {
    const [before, after] = [early, late].map((some) => medianOf(some.map((sample) => sample[name])));
    if (before === undefined || after === undefined) throw new Error("Too few samples. Increase --leaks.");
    return after > before + NOISE[name] ? [`${name}: from ${before.toFixed(1)} to ${after.toFixed(1)}`] : [];
  });
}

function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Returns the garbage collector. Before each sample it frees the memory that is not in use. */
function exposeGc(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
