import { createJobStore, defineJob, type Job, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import type { Redis } from "ioredis";
import { z } from "zod";
import { median } from "../frame/statistics.js";
import type { Section, Suite } from "../frame/suite.js";
import { data, forEach, newIds } from "./jobs.js";
import { benchRedis } from "./redis.js";

const TTL_SECONDS = 3600;
const EXPIRING = 100_000;
const WATCHED_MS = 3_000;
const BARE = "GET by hand";

const film = defineJob({
  name: "film",
  data: z.object({ videoUrl: z.string(), videoTitle: z.string(), language: z.string(), notes: z.string() }),
  initial: "wanted",
  statuses: { wanted: { next: ["wanted", "done"] }, done: { next: [], final: true, ttlSeconds: TTL_SECONDS } },
});
type Store = JobStore<typeof film>;

/** Many jobs whose time is over at one moment, and how calls fare then. */
export const expiry: Suite = {
  name: "expiry",
  measure: async ({ say }) => {
    await using redis = await benchRedis();
    await using store = createJobStore({ job: film, driver: redisDriver({ url: redis.url, timeoutMs: 10_000 }) });
    const moment = await fill(store, say);
    const { job } = await store.create(data, { id: "alive" });
    const raw = redis.connect();
    await raw.set("alive", "x".repeat(600));
    const probed = { store, id: job.id, raw, moment };
    const before = await probe(probed, { from: moment - WATCHED_MS, until: moment - 50 });
    const after = await probe(probed, { from: moment - 50, until: moment + WATCHED_MS });
    return [section(before, after)];
  },
};

/** @returns when they expire, all at the same millisecond */
async function fill(store: Store, say: (line: string) => void): Promise<number> {
  const { job } = await store.create(data);
  const save = (expires: number) => (id: string) => {
    const at = new Date(expires - TTL_SECONDS * 1000);
    const change = { from: null, to: "done", at, version: 1 } as const;
    const times = { createdAt: at, updatedAt: at, statusAt: at };
    return store.save({ ...job, ...times, id, status: "done", version: 1, history: [change] } as Job<typeof film>);
  };
  // How long it takes tells when they can expire.
  const begun = Date.now();
  await forEach(newIds(5_000), save(begun + 3_000_000));
  const moment = Date.now() + ((Date.now() - begun) / 5_000) * EXPIRING * 1.5 + WATCHED_MS + 2_000;
  await forEach(newIds(EXPIRING), save(Math.round(moment)));
  if (Date.now() > moment - WATCHED_MS) throw new Error("filling the store took too long");
  say(`  ${EXPIRING.toLocaleString("en")} jobs expire in ${Math.round((moment - Date.now()) / 1000)} s …`);
  return Math.round(moment);
}

interface Found {
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** Jobs that a page or the counts showed though their time was over. */
  readonly dead: number;
}

interface Probed {
  readonly store: Store;
  /** Of a job that stays. */
  readonly id: string;
  readonly raw: Redis;
  /** When the others expire. */
  readonly moment: number;
}

/** Calls one after the other in a stretch of time. */
async function probe(
  { store, id, raw, moment }: Probed,
  { from, until }: { readonly from: number; readonly until: number },
): Promise<Found> {
  await new Promise((resolve) => setTimeout(resolve, from - Date.now()));
  const times = new Map<string, number[]>();
  let dead = 0;
  const timed = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    const result = await call();
    const all = times.get(name) ?? [];
    times.set(name, all);
    all.push(performance.now() - begun);
    return result;
  };
  while (Date.now() < until) {
    await timed(BARE, () => raw.get("alive"));
    await timed("get", () => store.get(id));
    await timed("create", () => store.create(data));
    await timed("updateStatus", () => store.updateStatus(id, "wanted"));
    // Asked for afterwards, nothing of it may be there.
    const over = Date.now() > moment;
    const { items } = await timed("list", () => store.list({ status: "done" }));
    const { done } = await timed("counts", () => store.counts());
    if (over) dead += items.filter(({ expiresAt }) => Number(expiresAt) <= moment).length + Math.max(0, done - 5_000);
  }
  return { times, dead };
}

function section(before: Found, after: Found): Section {
  const worst = (all: readonly number[]) => Math.max(...all) / median(all);
  const names = [...after.times.keys()];
  const ours = names.filter((name) => name !== BARE);
  const ms = (value: number) => value.toFixed(2);
  const largest = Math.max(...ours.map((name) => worst(after.times.get(name) ?? [])));
  return {
    title: "expiry of 100,000 jobs at one moment",
    about:
      `One call after the other, in the ${WATCHED_MS / 1000} seconds before it and as long afterwards. ` +
      "The GET tells what Redis itself makes everybody wait for while it expires keys.",
    table: {
      head: ["", "ms before: median", "slowest", "ms afterwards: median", "slowest", "slowest / median"],
      rows: names.map((name) => {
        const [a, b] = [before.times.get(name) ?? [], after.times.get(name) ?? []];
        return [name, ms(median(a)), ms(Math.max(...a)), ms(median(b)), ms(Math.max(...b)), `${worst(b).toFixed(1)} ×`];
      }),
    },
    ratios: [
      { name: "expiry of 100,000: slowest call / its median", value: same(largest), wanted: { atMost: 5 } },
      { name: "expiry of 100,000: dead jobs shown", value: same(after.dead), wanted: { atMost: 0 } },
    ],
  };
}

function same(value: number) {
  return { median: value, low: value, high: value };
}
