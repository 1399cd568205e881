import { setTimeout as pause } from "node:timers/promises";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { patiently } from "../patience.js";
import { type Tasks, task } from "../subject.js";
import { cluster } from "./cluster.js";
import { Load } from "./load.js";
import { watchedByASentinel } from "./sentinel.js";
import type { System } from "./system.js";

const systems: Readonly<Record<string, () => Promise<System>>> = { sentinel: watchedByASentinel, cluster };
const harms = ["killed", "split"] as const;

export interface Failover {
  readonly system: string;
  readonly harm: (typeof harms)[number];
  /** Whether a change was acknowledged only once a replica had it. */
  readonly waiting: boolean;
  readonly acknowledged: number;
  /** Acknowledged, and not there once the replica had taken over. */
  readonly lost: number;
  /** The longest time without an acknowledgement. */
  readonly outageMs: number;
  /** Acknowledgements a second before anything was broken. */
  readonly perSecond: number;
}

const BEFORE_MS = 3_000;
/** How long a master that was replaced stays away; one that is cut off goes on meanwhile. */
const APART_MS = 2_000;
const AFTER_MS = 2_000;
const LIMIT_MS = 60_000;
/** As much as one read may ask for at a time here. */
const READ_AT_ONCE = 1_000;

/** Takes masters away under load, and counts what went with them: replication is asynchronous, nobody promises that all is kept. */
export async function* failOvers(): AsyncGenerator<Failover> {
  for (const system of Object.keys(systems)) {
    for (const harm of harms) {
      for (const waiting of [false, true]) yield await failOver(system, harm, waiting);
    }
  }
}

async function failOver(name: string, harm: Failover["harm"], waiting: boolean): Promise<Failover> {
  const start = systems[name];
  if (start === undefined) throw new Error(`there is no ${name}`);
  await using system = await start();
  const waitReplicas = waiting ? { count: 1 } : undefined;
  await using store = createJobStore({
    job: task,
    driver: redisDriver({ ...system.options, timeoutMs: 1_000, waitReplicas }),
  });
  const load = new Load(store);
  await patiently(async () => expectMore(load, 0));
  const [begun, before] = [performance.now(), load.count];
  await pause(BEFORE_MS);
  const perSecond = Math.round(((load.count - before) * 1_000) / (performance.now() - begun));
  const heal = await (harm === "killed" ? system.kill() : system.split());
  await patiently(() => system.hasTakenOver(), LIMIT_MS);
  await pause(APART_MS);
  await heal();
  await patiently(() => system.hasGivenIn(), LIMIT_MS);
  const count = load.count;
  await patiently(async () => expectMore(load, count), LIMIT_MS);
  await pause(AFTER_MS);
  const acknowledged = await load.stop();
  const lost = await countMissing(store, acknowledged);
  return {
    system: name,
    harm,
    waiting,
    acknowledged: acknowledged.length,
    lost,
    outageMs: load.longestGapMs,
    perSecond,
  };
}

function expectMore(load: Load, than: number): void {
  if (load.count <= than) throw new Error("nothing was acknowledged any more");
}

async function countMissing(store: Tasks, ids: readonly string[]): Promise<number> {
  let missing = 0;
  for (let first = 0; first < ids.length; first += READ_AT_ONCE) {
    const jobs = await patiently(() => store.getMany(ids.slice(first, first + READ_AT_ONCE)));
    missing += jobs.filter((job) => job === null).length;
  }
  return missing;
}

const HEAD = ["", "", "waitReplicas", "acknowledged", "lost", "outage", "before"];

/** Rows of a table, in Markdown. */
export function headOf(): string {
  return `| ${HEAD.join(" | ")} |\n|${HEAD.map(() => "---|").join("")}`;
}

export function rowOf({ system, harm, waiting, acknowledged, lost, outageMs, perSecond }: Failover): string {
  const [made, gone] = [acknowledged, lost].map((count) => count.toLocaleString("en"));
  const cells = [
    system,
    harm,
    waiting ? 1 : "none",
    made,
    gone,
    `${(outageMs / 1_000).toFixed(1)} s`,
    `${perSecond}/s`,
  ];
  return `| ${cells.join(" | ")} |`;
}
