import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import { createJobStore, defineJob, type Job } from "../src/index.js";
import { redisDriver } from "../src/redis.js";
import { PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

const film = defineJob({
  name: "film",
  data: z.object({ language: z.string() }),
  result: z.object({ url: z.string() }),
  progress: z.object({ done: z.number() }),
  initial: "wanted",
  statuses: {
    wanted: { next: ["wanted", "found", "seen"] },
    found: { next: ["wanted"], final: true, ttlSeconds: 3600 },
    seen: { next: [], final: true, maxCount: 2 },
  },
  index: { language: ({ language }) => language },
});

describe.skipIf(!available)(title("Commands to Redis"), { timeout: 120_000 }, () => {
  const redis = new PrivateRedis();

  function openStore(ttlSeconds = {}) {
    const driver = redisDriver({ url: redis.url, timeoutMs: 60_000 });
    const store = createJobStore({ job: film, driver, ttlSeconds });
    onTestFinished(() => store.close());
    return store;
  }

  /** Keys of a command, by the server's own table of commands. */
  async function keysOf(args: readonly string[]): Promise<readonly string[]> {
    // A command without arguments has no keys, and the server refuses the question.
    if (args.length === 1) return [];
    try {
      return (await redis.client.call("COMMAND", "GETKEYS", ...args)) as readonly string[];
    } catch (error) {
      if (error instanceof Error && /no key arguments/.test(error.message)) return [];
      throw error;
    }
  }

  test("declare each key that a script uses, whatever the call", async () => {
    const store = openStore();
    const outbox = [
      { queue: "films", payload: 1 },
      { queue: "films", payload: 2, delayMs: 1 },
    ];
    const sent = await redis.sentDuring(async () => {
      const { job } = await store.create({ language: "es" }, { id: "a", outbox });
      await store.createMany(["b", "c", "d", "e"].map((id) => ({ data: { language: "fr" }, id })));
      await store.create({ language: "it" }, { id: "a" });
      await store.updateProgress(job, { done: 1 });
      const again = await store.updateStatus("a", "wanted", { outbox });
      const saved = await store.save({ ...again, data: { language: "it" } });
      await store.updateStatus(saved.id, "found", { result: { url: "x" } });
      await Promise.all(["b", "c", "d", "e"].map((id) => store.updateStatus(id, "seen")));
      await vi.waitFor(async () => expect((await store.counts()).seen).toBe(2), PATIENCE);
      const queries = [{}, { status: "found" }, { where: { language: "it" } }, { limit: 1 }] as const;
      for (const query of queries) expect((await store.list(query)).items.length).toBeGreaterThan(0);
      expect(await store.counts({ where: { language: "it" } })).toMatchObject({ found: 1 });
      await store.request({ language: "it" }, { id: "requested" });
      await store.updateStatus("requested", "found");
      await store.request({ language: "it" }, { id: "requested", retryFrom: ["found"] });
      await store.delete("requested");
      await store.getMany(["a", "b", "absent"]);
      await vi.waitFor(async () => expect(await store.outbox.scheduled()).toBe(0), PATIENCE);
      const [first, second] = await store.outbox.read();
      await store.outbox.reject([first?.entryId as string], "why");
      expect(await store.outbox.rejected()).toHaveLength(1);
      await store.outbox.requeue([first?.entryId as string]);
      await store.outbox.ack([second?.entryId as string]);
      for (const kind of ["waiting", "scheduled", "rejected"] as const) await store.outbox.list({ kind });
      await store.outbox.ofJob("a");
      await store.updateStatus("a", "wanted", { outbox: [{ queue: "films", payload: 3, delayMs: 3_600_000 }] });
      const scheduled = (await store.outbox.list({ kind: "scheduled" })).entries.map(({ entryId }) => entryId);
      expect(await store.outbox.reschedule(scheduled, { at: new Date(Date.now() + 7_200_000) })).toEqual([true]);
      expect(await store.outbox.cancel(scheduled)).toEqual([true]);
      await store.outbox.depth();
      await store.outbox.oldest();
      await store.pauseQueue("films");
      const message = { queue: "films", id: "m", payload: 1 };
      const claim = { from: [], leaseMs: 1000, key: "k", message };
      await store.create({ language: "es" }, { id: "f" });
      expect(await store.claim("f", "wanted", claim)).toMatchObject({ kind: "paused" });
      expect(await store.pausedQueues()).toHaveLength(1);
      await store.resumeQueue("films");
      const worker = {
        id: "w",
        by: "w",
        queue: "films",
        from: ["wanted"],
        working: "wanted",
        host: "h",
        pid: 1,
        state: "running",
        concurrency: 1,
        startedAt: new Date(),
      } as const;
      await store.announceWorker(worker, [], 1);
      await vi.waitFor(async () => expect(await store.workers()).toEqual([]), PATIENCE);
      await store.announceWorker({ ...worker, id: "x" }, [], 1000);
      await store.announceWorker({ ...worker, id: "x" }, [], 0);
      const limit = { field: "language", max: 1 } as const;
      await store.announceWorker({ ...worker, id: "y", limit }, [], 1000);
      for (const id of ["g", "h"]) await store.create({ language: "pt" }, { id });
      expect(await store.claim("g", "wanted", { ...claim, key: "g", limit })).toMatchObject({ kind: "claimed" });
      expect(await store.claim("h", "wanted", { ...claim, key: "h", limit })).toEqual({ kind: "limited" });
      await store.explain("h");
      await store.updateStatus("g", "found");
      await redis.client.zadd("jobs:limits:lists", 0, 'language="pt"\t"films"');
      expect((await store.outbox.read()).map(({ jobId }) => jobId)).toContain("h");
      await redis.client.del("job:a");
      await store.audit({ repair: true });
      await store.deleteMany(["b", "c", "d", "e"]);
      await store.health();
    });
    let used = 0;
    for (const { args, within } of sent) {
      const declared = await keysOf(args);
      for (const command of within) {
        const keys = await keysOf(command);
        used += keys.length;
        expect(declared, `${args.slice(0, 2)} runs ${command[0]}`).toEqual(expect.arrayContaining([...keys]));
      }
    }
    expect(used).toBeGreaterThan(100);
  });

  /** Returns the maximum number of index members that a command reads. */
  function reach([name = "", , ...args]: readonly string[]): number {
    if (!/^z(rev)?range/i.test(name)) return 0;
    const limit = args.findIndex((arg) => /^limit$/i.test(arg));
    if (limit >= 0) return Number(args[limit + 2]);
    const [from, to] = args.map(Number) as [number, number];
    if (/by(score|lex)/i.test([name, ...args].join(" ")) || to < 0 || from < 0) return Number.POSITIVE_INFINITY;
    return to - from + 1;
  }

  test("of a page read as little of an index if all jobs are of one millisecond as if they are not", async () => {
    const count = 2000;
    const sample = (await openStore().create({ language: "es" })).job;
    const costs: { readonly page: string; readonly commands: number; readonly read: number }[][] = [];
    for (const stepMs of [1, 0]) {
      await redis.client.flushall();
      const store = openStore();
      const at = (n: number) => new Date(1_700_000_000_000 + n * stepMs);
      const jobs = Array.from({ length: count }, (_, n) => {
        const times = { createdAt: at(n), statusAt: at(n), updatedAt: at(n), history: [] };
        return { ...sample, ...times, id: `job-${String(n).padStart(4, "0")}` } as Job<typeof film>;
      });
      await Promise.all(jobs.map((job) => store.save(job)));
      const cost = [];
      for (const query of [{}, { status: "wanted" }, { where: { language: "es" } }] as const) {
        let cursor: string | undefined;
        for (let page = 0; page < 4; page++) {
          // Pages at the beginning, and in the midst of the jobs.
          if (page === 2) ({ cursor } = await store.list({ ...query, order: "oldest", limit: 1000 }));
          const start = cursor;
          let ids: readonly string[] = [];
          const sent = await redis.sentDuring(async () => {
            const found = await store.list({ ...query, order: "oldest", limit: 10, cursor: start });
            ids = found.items.map(({ id }) => id);
            cursor = found.cursor;
          });
          const first = [0, 10, 1000, 1010][page] as number;
          expect(ids).toEqual(jobs.slice(first, first + 10).map(({ id }) => id));
          const commands = sent.flatMap(({ args, within }) => [args, ...within]);
          const read = Math.max(...commands.map(reach));
          cost.push({ page: `${JSON.stringify(query)}, page ${page}`, commands: commands.length, read });
        }
      }
      costs.push(cost);
    }
    const [spread = [], tied = []] = costs;
    expect(spread.every(({ read }) => read > 0)).toBe(true);
    for (const [n, one] of tied.entries()) {
      expect(one.read, one.page).toBeLessThanOrEqual(100);
      // A search by halves.
      expect(one.commands, one.page).toBeLessThanOrEqual((spread[n]?.commands ?? 0) + 20);
    }
  });

  test("of create, save and a change that needs more room leave the same room in a record", async () => {
    const store = openStore();
    const lengths = new Set<number>();
    for (let bytes = 1; bytes <= 130; bytes++) {
      const { job } = await store.create({ language: "x".repeat(bytes) });
      const written = [await redis.client.get(`job:${job.id}`)];
      await store.save(job);
      written.push(await redis.client.get(`job:${job.id}`));
      await store.updateStatus(job.id, "wanted", { by: "x".repeat(200) });
      written.push(await redis.client.get(`job:${job.id}`));
      for (const text of written) {
        const room = /\n( +)\n"data"/.exec(text ?? "")?.[1]?.length ?? 0;
        expect(room).toBeGreaterThanOrEqual(64);
        expect(room).toBeLessThan(64 + 128);
        lengths.add((text?.length ?? 0) % 128);
      }
    }
    expect(lengths.size).toBe(1);
  });

  test.each(["updateStatus", "updateProgress", "save"] as const)(
    "of %s on a job whose key was restored leave no wrong index entry, and an audit restores the missing ones",
    async (verb) => {
      const { store, stored } = await restored();
      if (verb === "updateStatus") await store.updateStatus("a", "found");
      if (verb === "updateProgress") await store.updateProgress("a", { done: 1 });
      if (verb === "save") await store.save({ ...stored, status: "found" });
      await store.audit({ repair: true });
      const [job] = await store.getMany(["a"]);
      for (const query of [{}, { status: job?.status }, { where: { language: "es" } }]) {
        expect((await store.list(query)).items).toEqual([job]);
      }
      const found = verb === "updateProgress" ? 0 : 1;
      expect(await store.counts()).toEqual({ wanted: 1 - found, found, seen: 0 });
    },
  );

  test("of delete on a job whose key was restored leave no entries", async () => {
    const { store } = await restored();
    const keys = (await redis.client.keys("*")).length;
    expect(await store.delete("a")).toBe(true);
    expect(await redis.client.keys("*")).toHaveLength(keys - 1);
    for (const query of [{}, { status: "wanted" }, { where: { language: "es" } }] as const) {
      expect((await store.list(query)).items).toEqual([]);
    }
    expect(await store.counts()).toEqual({ wanted: 0, found: 0, seen: 0 });
  });

  /** A store whose only job was deleted, and then restored from a backup of its key. */
  async function restored() {
    const store = openStore();
    await store.create({ language: "es" }, { id: "a" });
    const stored = (await store.get("a")) as Job<typeof film>;
    const dump = await redis.client.dumpBuffer("job:a");
    await store.delete("a");
    expect(await store.counts()).toEqual({ wanted: 0, found: 0, seen: 0 });
    await redis.client.restore("job:a", 0, dump as Buffer);
    expect(await store.get("a")).toEqual(stored);
    return { store, stored };
  }
});
