import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { openService } from "./load.js";

export interface Sample {
  readonly minute: number;
  readonly heapMb: number;
  /** Timers, sockets and whatever else keeps a process alive. */
  readonly handles: number;
  readonly redisMb: number;
  /** Messages that wait to be published, or to be worked on. */
  readonly waiting: number;
}

export interface Soak {
  readonly samples: readonly Sample[];
  readonly orders: number;
  /** What did not come back to where it was; empty: everything did. */
  readonly grown: readonly string[];
}

/** Before this part of the time is over, caches fill and finished jobs gather. */
const WARM_UP = 0.2;
/** What is a measurement's own unrest. */
const SLACK = { heapMb: 5, handles: 2, redisMb: 3, waiting: 20 };

/** Steady load for so long; what it takes of everything, and whether that stays. */
export async function soak(minutes: number): Promise<Soak> {
  const gc = exposeGc();
  await using redis = await startRedis({ args: PERSISTENT });
  await using broker = await startRabbitmq();
  const admin = new Redis(redis.url);
  const service = openService(redis.url, broker.url);
  const begun = performance.now();
  const elapsed = () => (performance.now() - begun) / 60_000;
  const sample = async (): Promise<Sample> => {
    gc();
    return {
      minute: elapsed(),
      heapMb: process.memoryUsage().heapUsed / 2 ** 20,
      handles: process.getActiveResourcesInfo().length,
      redisMb: Number(/used_memory:(\d+)/.exec(await admin.info("memory"))?.[1]) / 2 ** 20,
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
    return { samples, orders, grown: whatHasGrown(samples) };
  } finally {
    await service.close();
    admin.disconnect();
  }
}

/** By the middle of the values: the last fifth of the time against the first after the warm-up. */
function whatHasGrown(samples: readonly Sample[]): readonly string[] {
  const fifth = Math.floor(samples.length * WARM_UP);
  const [early, late] = [samples.slice(fifth, 2 * fifth), samples.slice(-fifth - 1, -1)];
  return (Object.keys(SLACK) as (keyof typeof SLACK)[]).flatMap((name) => {
    const [before, after] = [early, late].map((some) => medianOf(some.map((sample) => sample[name])));
    if (before === undefined || after === undefined) throw new Error("too few samples: it has to run for longer");
    return after > before + SLACK[name] ? [`${name}: from ${before.toFixed(1)} to ${after.toFixed(1)}`] : [];
  });
}

function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** What is used, rather than what could be collected. */
function exposeGc(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
