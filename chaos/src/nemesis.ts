import { setTimeout as pause } from "node:timers/promises";
import { brokerFaults } from "./faults/broker.js";
import { clientFaults } from "./faults/clients.js";
import type { Environment, Fault } from "./faults/fault.js";
import { brokerConnectionFaults, redisConnectionFaults } from "./faults/network.js";
import { redisFaults } from "./faults/redis.js";
import { Random } from "./random.js";

// The nemesis is the part of a round that injects faults.

/** Faults that are injected one after another. The faults of different groups overlap. */
export interface FaultGroup {
  /** Name of the random sequence. With another name, a seed produces other faults. */
  readonly name: string;
  readonly faults: readonly Fault[];
  /** Range of the time between two faults, in ms. */
  readonly gapMs: readonly [number, number];
}

export const FAULT_GROUPS: readonly FaultGroup[] = [
  { name: "redis", faults: redisFaults, gapMs: [300, 2_500] },
  { name: "lines to redis", faults: redisConnectionFaults, gapMs: [300, 2_500] },
  { name: "broker", faults: brokerFaults, gapMs: [3_000, 12_000] },
  { name: "lines to the broker", faults: brokerConnectionFaults, gapMs: [500, 4_000] },
  { name: "clients", faults: clientFaults, gapMs: [1_000, 5_000] },
];

export interface ScheduledFault {
  readonly fault: Fault;
  readonly afterMs: number;
  readonly holdMs: number;
  /** Source of the random choices of the fault. */
  readonly random: Random;
}

/** Generates the faults of a group without end. They depend on the seed alone, the time that servers need to restart does not. */
export function* schedule(
  seed: number,
  { name, faults, gapMs }: FaultGroup,
): Generator<ScheduledFault, never, undefined> {
  const random = new Random(seed, name);
  for (let n = 0; ; n++) {
    const fault = random.weighted(faults);
    yield {
      fault,
      afterMs: random.integer(...gapMs),
      holdMs: random.integer(...fault.holdMs),
      random: new Random(seed, name, n),
    };
  }
}

/** Fault that was injected and healed. The times are in ms since the start of `injectFaults`. */
export interface InjectedFault {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  /** Period in ms since 1970 in which the fault was certainly active. */
  readonly active: { readonly from: number; readonly to: number };
}

export interface FaultReport {
  readonly injected: readonly InjectedFault[];
  /** Faults that could not be injected or healed. */
  readonly problems: readonly string[];
}

/** Injects the faults that `isChosen` accepts for `forMs`, then heals those that are still active. */
export async function injectFaults(
  environment: Environment,
  options: { readonly seed: number; readonly forMs: number; readonly isChosen: (kind: string) => boolean },
): Promise<FaultReport> {
  const { seed, forMs, isChosen } = options;
  const injected: InjectedFault[] = [];
  const problems: string[] = [];
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  const pauseWithin = (ms: number) => pause(Math.max(0, Math.min(ms, forMs - elapsed())));

  async function run(group: FaultGroup): Promise<void> {
    for (const { fault, afterMs, holdMs, random } of schedule(seed, group)) {
      await pauseWithin(afterMs);
      if (elapsed() >= forMs) return;
      const from = elapsed();
      try {
        const heal = await fault.inject(environment, random);
        const activeFrom = Date.now();
        await pauseWithin(holdMs);
        const active = { from: activeFrom, to: Date.now() };
        await heal();
        injected.push({ kind: fault.kind, from: Math.round(from), to: Math.round(elapsed()), active });
      } catch (error) {
        problems.push(`${fault.kind}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  const groups = FAULT_GROUPS.map((group) => ({ ...group, faults: group.faults.filter(({ kind }) => isChosen(kind)) }));
  await Promise.all(groups.filter(({ faults }) => faults.length > 0).map(run));
  return { injected: injected.sort((a, b) => a.from - b.from), problems };
}
