import { setTimeout as pause } from "node:timers/promises";
import { brokerFaults } from "./faults/broker.js";
import { clientFaults } from "./faults/clients.js";
import type { Fault } from "./faults/fault.js";
import { brokerLineFaults, redisLineFaults } from "./faults/network.js";
import { redisFaults } from "./faults/redis.js";
import { Random } from "./random.js";
import type { World } from "./world.js";

/** Faults of one lane come one after the other, those of different lanes meet as they may. */
export interface Lane {
  readonly name: string;
  readonly faults: readonly Fault[];
  /** Between the end of one and the beginning of the next, in ms. */
  readonly gapMs: readonly [number, number];
}

export const LANES: readonly Lane[] = [
  { name: "redis", faults: redisFaults, gapMs: [300, 2_500] },
  { name: "lines to redis", faults: redisLineFaults, gapMs: [300, 2_500] },
  { name: "broker", faults: brokerFaults, gapMs: [3_000, 12_000] },
  { name: "lines to the broker", faults: brokerLineFaults, gapMs: [500, 4_000] },
  { name: "clients", faults: clientFaults, gapMs: [1_000, 5_000] },
];

/** A fault that will be. */
export interface Planned {
  readonly fault: Fault;
  readonly afterMs: number;
  readonly holdMs: number;
  /** Decides what the fault itself leaves open. */
  readonly random: Random;
}

/** What comes in a lane, without end. A seed decides all of it; how long servers take to die and return, it does not. */
export function* plan(seed: number, { name, faults, gapMs }: Lane): Generator<Planned, never, undefined> {
  const random = new Random(seed, name);
  for (let n = 0; ; n++) {
    const fault = random.weighted(faults);
    yield {
      fault,
      afterMs: random.whole(...gapMs),
      holdMs: random.whole(...fault.holdMs),
      random: new Random(seed, name, n),
    };
  }
}

/** A fault that was. Times in ms since the nemesis began. */
export interface Injected {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

export interface Harm {
  readonly injected: readonly Injected[];
  /** What could not be done, or undone. */
  readonly problems: readonly string[];
}

/** Breaks things for so long, then undoes whatever is still broken. Only faults that `chosen` accepts. */
export async function torment(
  world: World,
  options: { readonly seed: number; readonly forMs: number; readonly chosen?: (kind: string) => boolean },
): Promise<Harm> {
  const { seed, forMs, chosen = () => true } = options;
  const injected: Injected[] = [];
  const problems: string[] = [];
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  const within = (ms: number) => pause(Math.max(0, Math.min(ms, forMs - elapsed())));

  async function run(lane: Lane): Promise<void> {
    for (const { fault, afterMs, holdMs, random } of plan(seed, lane)) {
      await within(afterMs);
      if (elapsed() >= forMs) return;
      const from = elapsed();
      try {
        const heal = await fault.inject(world, random);
        await within(holdMs);
        await heal();
        injected.push({ kind: fault.kind, from: Math.round(from), to: Math.round(elapsed()) });
      } catch (error) {
        problems.push(`${fault.kind}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  const lanes = LANES.map((lane) => ({ ...lane, faults: lane.faults.filter(({ kind }) => chosen(kind)) }));
  await Promise.all(lanes.filter(({ faults }) => faults.length > 0).map(run));
  return { injected: injected.sort((a, b) => a.from - b.from), problems };
}
