import { createJobStore, defineJob, type Job, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import type { Redis } from "ioredis";
import { z } from "zod";
import { median } from "../harness/statistics.js";
import type { Section, Suite } from "../harness/suite.js";
import { data, forEach, newIds } from "./jobs.js";
import { benchRedis } from "./redis.js";

const TTL_SECONDS = 3600;
const EXPIRING = 100_000;
const MEASURED_MS = 3_000;
const BARE = "raw GET";

const film = defineJob({
  name: "film",
  data: z.object({ videoUrl: z.string(), videoTitle: z.string(), language: z.string(), notes: z.string() }),
  initial: "wanted",
  statuses: { wanted: { next: ["wanted", "done"] }, done: { next: [], final: true, ttlSeconds: TTL_SECONDS } },
});
type Store = JobStore<typeof film>;

/** Durations of calls before and after many jobs expire at the same time. */
export const expiry: Suite = {
  name: "expiry",
  measure: async ({ log }) => {
    await using redis = await benchRedis();
    await using store = createJobStore({ job: film, driver: redisDriver({ url: redis.url, timeoutMs: 10_000 }) });
    const expiresAt = await fill(store, log);
    const { job } = await store.create(data, { id: "alive" });
    const raw = redis.connect();
    await raw.set("alive", "x".repeat(600));
    const target = { store, id: job.id, raw, expiresAt };
    const before = await probe(target, { from: expiresAt - MEASURED_MS, until: expiresAt - 50 });
    const after = await probe(target, { from: expiresAt - 50, until: expiresAt + MEASURED_MS });
    return [section(before, after)];
  },
};

/** @returns the time in ms since 1970 at which all jobs expire */
async function fill(store: Store, log: (line: string) => void): Promise<number> {
  const { job } = await store.create(data);
  const save = (expires: number) => (id: string) => {
    const at = new Date(expires - TTL_SECONDS * 1000);
    const change = { from: null, to: "done", at, version: 1 } as const;
    const times = { createdAt: at, updatedAt: at, statusAt: at };
    return store.save({ ...job, ...times, id, status: "done", version: 1, history: [change] } as Job<typeof film>);
  };
  // The duration of the first 5,000 saves determines the time of expiry.
  const start = Date.now();
  await forEach(newIds(5_000), save(start + 3_000_000));
  const expiresAt = Date.now() + ((Date.now() - start) / 5_000) * EXPIRING * 1.5 + MEASURED_MS + 2_000;
  await forEach(newIds(EXPIRING), save(Math.round(expiresAt)));
  if (Date.now() > expiresAt - MEASURED_MS)
    throw new Error(
      "Filling the store took too long: the jobs expire before the measurement. Run it again on an idle machine.",
    );
  log(`  ${EXPIRING.toLocaleString("en")} jobs expire in ${Math.round((expiresAt - Date.now()) / 1000)} s …`);
  return Math.round(expiresAt);
}

interface Probe {
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** Number of expired jobs that a page or the counts contained. */
  readonly expired: number;
}

interface Target {
  readonly store: Store;
  /** Id of a job without expiry. */
  readonly id: string;
  readonly raw: Redis;
  /** Time at which the other jobs expire, in ms since 1970. */
  readonly expiresAt: number;
}

/** Makes calls one after another, from one time to another. */
async function probe(
  { store, id, raw, expiresAt }: Target,
  { from, until }: { readonly from: number; readonly until: number },
): Promise<Probe> {
  await new Promise((resolve) => setTimeout(resolve, from - Date.now()));
  const times = new Map<string, number[]>();
  let expired = 0;
  const timed = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await call();
    const all = times.get(name) ?? [];
    times.set(name, all);
    all.push(performance.now() - start);
    return result;
  };
  while (Date.now() < until) {
    await timed(BARE, () => raw.get("alive"));
    await timed("get", () => store.get(id));
    await timed("create", () => store.create(data));
    await timed("updateStatus", () => store.updateStatus(id, "wanted"));
    // Calls that start after the expiry must not return expired jobs.
    const isAfter = Date.now() > expiresAt;
    const { items } = await timed("list", () => store.list({ status: "done" }));
    const { done } = await timed("counts", () => store.counts());
    if (isAfter)
      expired += items.filter((job) => Number(job.expiresAt) <= expiresAt).length + Math.max(0, done - 5_000);
  }
  return { times, expired };
}

function section(before: Probe, after: Probe): Section {
  const worst = (all: readonly number[]) => Math.max(...all) / median(all);
  const names = [...after.times.keys()];
  const ours = names.filter((name) => name !== BARE);
  const ms = (value: number) => value.toFixed(2);
  const largest = Math.max(...ours.map((name) => worst(after.times.get(name) ?? [])));
  return {
    title: "expiry of 100,000 jobs at one moment",
    about:
      `Calls one after another, in the ${MEASURED_MS / 1000} seconds before and after the expiry. ` +
      "The raw GET shows how long Redis itself blocks all clients while it deletes expired keys.",
    table: {
      head: ["", "ms before: median", "slowest", "ms after: median", "slowest", "slowest / median"],
      rows: names.map((name) => {
        const [a, b] = [before.times.get(name) ?? [], after.times.get(name) ?? []];
        return [name, ms(median(a)), ms(Math.max(...a)), ms(median(b)), ms(Math.max(...b)), `${worst(b).toFixed(1)} ×`];
      }),
    },
    ratios: [
      { name: "expiry of 100,000: slowest call / its median", value: same(largest), wanted: { atMost: 5 } },
      { name: "expiry of 100,000: expired jobs shown", value: same(after.expired), wanted: { atMost: 0 } },
    ],
  };
}

function same(value: number) {
  return { median: value, low: value, high: value };
}
