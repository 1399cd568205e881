import { setTimeout as pause } from "node:timers/promises";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { retry } from "../retry.js";
import { type Tasks, task } from "../workload.js";
import { cluster } from "./cluster.js";
import { Load } from "./load.js";
import { sentinel } from "./sentinel.js";
import type { System } from "./system.js";

const systems: Readonly<Record<string, () => Promise<System>>> = { sentinel, cluster };
const faults = ["killed", "split"] as const;

export interface Failover {
  readonly system: string;
  readonly fault: (typeof faults)[number];
  /** True if a change is acknowledged only after a replica has it. */
  readonly waitReplicas: boolean;
  readonly acknowledged: number;
  /** Number of acknowledged jobs that do not exist after the failover. */
  readonly lost: number;
  /** Longest time without an acknowledgement, in ms. */
  readonly outageMs: number;
  /** Acknowledgements per second before the fault. */
  readonly perSecond: number;
}

const BEFORE_MS = 3_000;
/** Time between the promotion of the replica and the return of the old master. */
const SEPARATED_MS = 2_000;
const AFTER_MS = 2_000;
const LIMIT_MS = 60_000;
/** Number of jobs of one `getMany`. */
const READ_BATCH = 1_000;

/**
 * Kills or splits off masters under load and counts the lost changes. Replication is asynchronous, so acknowledged changes can
 * be lost.
 */
export async function* measureFailovers(): AsyncGenerator<Failover> {
  for (const system of Object.keys(systems)) {
    for (const fault of faults) {
      for (const waitReplicas of [false, true]) yield await measureFailover(system, fault, waitReplicas);
    }
  }
}

async function measureFailover(name: string, fault: Failover["fault"], waitReplicas: boolean): Promise<Failover> {
  const startSystem = systems[name];
  if (startSystem === undefined)
    throw new Error(`Unknown system "${name}". Known: ${Object.keys(systems).join(", ")}.`);
  await using system = await startSystem();
  await using store = createJobStore({
    job: task,
    driver: redisDriver({
      ...system.options,
      timeoutMs: 1_000,
      waitReplicas: waitReplicas ? { count: 1 } : undefined,
    }),
  });
  const load = new Load(store);
  await retry(async () => expectMore(load, 0));
  const [start, before] = [performance.now(), load.count];
  await pause(BEFORE_MS);
  const perSecond = Math.round(((load.count - before) * 1_000) / (performance.now() - start));
  const heal = await (fault === "killed" ? system.kill() : system.split());
  await retry(() => system.expectPromotedReplica(), LIMIT_MS);
  await pause(SEPARATED_MS);
  await heal();
  await retry(() => system.expectDemotedMaster(), LIMIT_MS);
  const count = load.count;
  await retry(async () => expectMore(load, count), LIMIT_MS);
  await pause(AFTER_MS);
  const acknowledged = await load.stop();
  const lost = await countMissing(store, acknowledged);
  return {
    system: name,
    fault,
    waitReplicas,
    acknowledged: acknowledged.length,
    lost,
    outageMs: load.longestGapMs,
    perSecond,
  };
}

function expectMore(load: Load, than: number): void {
  if (load.count <= than) throw new Error("No job was acknowledged.");
}

async function countMissing(store: Tasks, ids: readonly string[]): Promise<number> {
  let missing = 0;
  for (let first = 0; first < ids.length; first += READ_BATCH) {
    const jobs = await retry(() => store.getMany(ids.slice(first, first + READ_BATCH)));
    missing += jobs.filter((job) => job === null).length;
  }
  return missing;
}

const HEAD = ["", "", "waitReplicas", "acknowledged", "lost", "outage", "before"];

/** Returns the first two lines of a Markdown table. */
export function headOf(): string {
  return `| ${HEAD.join(" | ")} |\n|${HEAD.map(() => "---|").join("")}`;
}

export function rowOf({ system, fault, waitReplicas, acknowledged, lost, outageMs, perSecond }: Failover): string {
  const [acknowledgedCell, lostCell] = [acknowledged, lost].map((count) => count.toLocaleString("en"));
  const cells = [
    system,
    fault,
    waitReplicas ? 1 : "none",
    acknowledgedCell,
    lostCell,
    `${(outageMs / 1_000).toFixed(1)} s`,
    `${perSecond}/s`,
  ];
  return `| ${cells.join(" | ")} |`;
}
