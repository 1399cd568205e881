import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { privateServer } from "../../../test/servers/require.js";
import { createJobStore, defineJob, type JobStore } from "../src/index.js";
import { redisDriver } from "../src/redis.js";
import { PrivateRedis, type Sent } from "./redis-store.js";

const { available, title } = privateServer("redis");

const MIB = 1024 * 1024;

const film = defineJob({
  name: "film",
  data: z.object({ text: z.string() }),
  result: z.object({ text: z.string() }),
  progress: z.object({ text: z.string() }),
  initial: "wanted",
  statuses: {
    wanted: { next: ["wanted", "seen", "done"] },
    seen: { next: [], final: true, maxCount: 2 },
    done: { next: [], final: true },
  },
  index: { kind: () => "film" },
});
type Store = JobStore<typeof film>;

/** Data of a record a little smaller than the default maximum. */
const LARGEST = { text: "x".repeat(4 * MIB - 64 * 1024) };
const SMALL = { text: "x" };

/** Enough of them at once for several batches. */
const ids = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);

describe.skipIf(!available)(title("large records in Redis"), { timeout: 300_000 }, () => {
  const redis = new PrivateRedis();

  function openStore(): Store {
    const driver = redisDriver({ url: redis.url, timeoutMs: 300_000 });
    const store = createJobStore({ job: film, driver });
    onTestFinished(() => store.close());
    return store;
  }

  /** Copies of a job, which lists know. */
  async function copies(store: Store, id: string, others: readonly string[]): Promise<void> {
    for (const other of others) await redis.client.copy(`job:${id}`, `job:${other}`);
    await store.audit({ repair: true });
  }

  /** Counts the runs of each command on the server during a function. */
  async function commandsDuring(run: () => Promise<unknown>): Promise<(command: string) => number> {
    await redis.client.config("RESETSTAT");
    await run();
    const stats = await redis.client.info("commandstats");
    return (command) => Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
  }
  const scripts = (ran: (command: string) => number) => ran("evalsha") + ran("eval");

  /** Number of large records that each of these read. The beginning of a record does not count. */
  function readBy(sent: readonly Sent[]): readonly number[] {
    const reads = /^(get|mget|getrange)$/i;
    const isShort = ([name = "", , , last]: readonly string[]) => /^getrange$/i.test(name) && Number(last) < 1024;
    const jobs = (args: readonly string[]) =>
      reads.test(args[0] ?? "") && !isShort(args) ? args.filter((arg) => /^job:[^*]/.test(arg)) : [];
    return sent.map(({ args, within }) => [args, ...within].flatMap(jobs).length);
  }

  test("200 concurrent changes of one of 4 MiB are sent in one script each, in their order", async () => {
    const store = openStore();
    await store.create(LARGEST, { id: "a" });
    let versions: readonly number[] = [];
    const ran = await commandsDuring(async () => {
      const changes = Array.from({ length: 200 }, () => store.updateStatus("a", "wanted"));
      versions = (await Promise.all(changes)).map(({ version }) => version);
    });
    expect(versions).toEqual(Array.from({ length: 200 }, (_, n) => n + 2));
    expect(scripts(ran)).toBeGreaterThanOrEqual(200);
  });

  test("200 concurrent changes of 200 of 4 MiB are sent in one script each", async () => {
    const store = openStore();
    await store.create(LARGEST, { id: "job-0" });
    for (const id of ids(200).slice(1)) await redis.client.copy("job:job-0", `job:${id}`);
    const ran = await commandsDuring(() => Promise.all(ids(200).map((id) => store.updateProgress(id, SMALL))));
    expect(scripts(ran)).toBeGreaterThanOrEqual(200);
  });

  test("other calls on them are sent in one script each, also if they change nothing", async () => {
    const store = openStore();
    await store.create(LARGEST, { id: "job-0" });
    await copies(store, "job-0", ids(8).slice(1));
    const jobs = (await store.getMany(ids(8))).flatMap((job) => job ?? []);
    const changes: readonly ((id: string, n: number) => Promise<unknown>)[] = [
      (id) => store.create(SMALL, { id }),
      (_, n) => store.save({ ...jobs[n], data: SMALL, version: 7 } as (typeof jobs)[number]).catch(() => {}),
      (id) => store.updateProgress(id, SMALL),
      (id) => store.updateStatus(id, "done", { result: SMALL }),
    ];
    for (const change of changes) {
      const ran = await commandsDuring(() => Promise.all(ids(8).map(change)));
      expect(scripts(ran)).toBeGreaterThanOrEqual(8);
    }
  });

  test("a deletion reads only their beginnings", async () => {
    const store = openStore();
    await store.create(LARGEST, { id: "job-0" });
    await copies(store, "job-0", ids(8).slice(1));
    await redis.client.config("RESETSTAT");
    const ran = await commandsDuring(() => Promise.all(ids(8).map((id) => store.delete(id))));
    expect(ran("mget") + ran("get")).toBe(0);
    expect(await store.counts()).toEqual({ wanted: 0, seen: 0, done: 0 });
  });

  test("calls that a script did not reach keep their order on each job", async () => {
    const store = openStore();
    const writer = openStore();
    await store.create(SMALL, { id: "small" });
    await writer.create({ text: "x".repeat(1.5 * MIB) }, { id: "large" });
    // The first store does not know the large records yet. Several batches are in flight.
    const changes = Array.from({ length: 300 }, (_, n) =>
      store.updateStatus(n % 10 === 0 ? "large" : "small", "wanted"),
    );
    const jobs = await Promise.all(changes);
    const versionsOf = (id: string) => jobs.filter((job) => job.id === id).map(({ version }) => version);
    expect(versionsOf("large")).toEqual(Array.from({ length: 30 }, (_, n) => n + 2));
    expect(versionsOf("small")).toEqual(Array.from({ length: 270 }, (_, n) => n + 2));
  });

  test("calls keep their order also if the large record was restored, so that the store does not know it", async () => {
    await openStore().create({ text: "x".repeat(2.5 * MIB) }, { id: "large" });
    await redis.client.rename("job:large", "restored");
    await redis.client.del(await redis.client.keys("jobs*"));
    const store = openStore();
    await store.create(SMALL, { id: "small" });
    await redis.client.rename("restored", "job:large");
    const changes = Array.from({ length: 300 }, (_, n) =>
      store.updateStatus(n % 8 === 7 || n === 64 ? "large" : "small", "wanted"),
    );
    const versions = (await Promise.all(changes)).filter(({ id }) => id === "large").map(({ version }) => version);
    expect(versions).toEqual(versions.map((_, n) => n + 2));
  });

  test("a job that grows during its calls counts as large from then on", async () => {
    const store = openStore();
    await store.create(SMALL, { id: "a" });
    const result = { text: "x".repeat(200 * 1024) };
    await store.create(SMALL, { id: "b" });
    const ran = await commandsDuring(() =>
      Promise.all([
        store.updateProgress("a", result),
        ...Array.from({ length: 100 }, () => store.updateStatus("a", "wanted")),
      ]),
    );
    expect((await store.get("a"))?.version).toBe(101);
    // 200 KiB a change.
    expect(scripts(ran)).toBeGreaterThanOrEqual(10);
  });

  describe("of 900 KB are read two at a time:", () => {
    const data = { text: "x".repeat(900_000) };
    const twoAtATime = (sent: readonly Sent[], jobs: number) => {
      const read = readBy(sent);
      expect(read.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(jobs);
      expect(Math.max(...read)).toBe(2);
    };

    async function stored() {
      const store = openStore();
      await store.create(data, { id: "job-0" });
      await copies(store, "job-0", ids(9).slice(1));
      return store;
    }

    test("pages, of all jobs, by status and by a field", async () => {
      const store = await stored();
      for (const query of [{}, { status: "wanted" }, { where: { kind: "film" } }] as const) {
        let items: readonly unknown[] = [];
        const sent = await redis.sentDuring(async () => {
          ({ items } = await store.list(query));
        });
        expect(items).toHaveLength(9);
        twoAtATime(sent, 9);
      }
    });

    test("scan, getMany, and many of get", async () => {
      const store = await stored();
      const calls: readonly (() => Promise<unknown>)[] = [
        async () => {
          for await (const _ of store.scan({ limit: 4 }));
        },
        () => store.getMany(ids(9)),
        () => Promise.all(ids(9).map((id) => store.get(id))),
      ];
      for (const call of calls) twoAtATime(await redis.sentDuring(call), 9);
    });

    test("by a store that knew only small ones a second ago", async () => {
      const other = openStore();
      await other.create(SMALL, { id: "small" });
      await other.getMany(["small", "absent"]);
      const store = await stored();
      const begun = performance.now();
      while (performance.now() - begun < 1100) await store.get("absent");
      twoAtATime(await redis.sentDuring(() => other.getMany(ids(9))), 9);
    });

    test("by an audit, also one that repairs", async () => {
      const store = await stored();
      for (const repair of [false, true]) {
        await redis.client.del("jobs:by-creation");
        let report = {};
        twoAtATime(
          await redis.sentDuring(async () => {
            report = await store.audit({ repair });
          }),
          9,
        );
        expect(report).toMatchObject({ jobs: 9, missingFromIndex: 9, repaired: repair ? 9 : 0 });
      }
    });

    test("by the trimming of a status above its maximum count", async () => {
      const store = await stored();
      const sent = await redis.sentDuring(async () => {
        await Promise.all(ids(9).map((id) => store.updateStatus(id, "seen")));
        while ((await store.counts()).seen > 2);
      });
      expect(Math.max(...readBy(sent))).toBe(2);
    });
  });

  test("messages of 900 KB are all claimed, rejected and requeued, two at a time", async () => {
    const store = openStore();
    const names = ids(7);
    for (const id of names) {
      await store.create(SMALL, { id, outbox: [{ queue: "films", payload: "x".repeat(900_000) }] });
    }
    const readAll = async () => {
      const entries = [];
      for (let read = await store.outbox.read(); read.length > 0; read = await store.outbox.read()) {
        expect(read.length).toBeLessThanOrEqual(2);
        entries.push(...read);
      }
      return entries;
    };
    const entries = await readAll();
    expect(entries.map(({ jobId }) => jobId)).toEqual(names);
    const rejecting = await commandsDuring(() =>
      store.outbox.reject(
        entries.map(({ entryId }) => entryId),
        "why",
      ),
    );
    expect(scripts(rejecting)).toBeGreaterThanOrEqual(4);
    const reading = await commandsDuring(async () => {
      expect((await store.outbox.rejected()).map(({ jobId }) => jobId)).toEqual(names);
    });
    expect(scripts(reading)).toBeGreaterThanOrEqual(4);
    const requeueing = await commandsDuring(() => store.outbox.requeue(entries.map(({ entryId }) => entryId)));
    expect(scripts(requeueing)).toBeGreaterThanOrEqual(4);
    const again = await readAll();
    expect(again.map(({ jobId }) => jobId)).toEqual(names);
    await store.outbox.ack(again.map(({ entryId }) => entryId));
    expect(await store.outbox.depth()).toBe(0);
  });

  test("small records need no command for their sizes, and many calls share one command", async () => {
    const store = openStore();
    await store.create(SMALL, { id: "a" });
    await store.updateStatus("a", "wanted");
    await store.list();
    const calls: readonly (readonly [number, () => Promise<unknown>])[] = [
      [1, () => store.create(SMALL, { id: "b" })],
      // In the same round trip, three commands read the leases.
      [4, () => store.get("a")],
      [4, () => store.getMany(["a", "b"])],
      [1, () => store.updateStatus("a", "wanted")],
      [1, () => store.updateProgress("a", SMALL)],
      // In two round trips.
      [8, () => store.list()],
      [1, () => store.outbox.read()],
      [2, () => Promise.all(ids(32).map((id) => store.create(SMALL, { id })))],
      [4, () => Promise.all(ids(32).map((id) => store.get(id)))],
      [8, () => store.list({ limit: 1000 })],
    ];
    for (const [commands, call] of calls) {
      const sent = await redis.sentDuring(call);
      // By EVAL it does what serves later calls as well: scripts are loaded, clocks compared.
      expect(sent.filter(({ args: [command] }) => command !== "eval")).toHaveLength(commands);
      expect(sent.flatMap(({ within }) => within).filter(([command]) => command?.toLowerCase() === "strlen")).toEqual(
        [],
      );
    }
  });

  test("a job that changed thousands of times within the time of a call can be deleted", async () => {
    const store = openStore();
    const { job } = await store.create(SMALL, { id: "busy" });
    const now = job.createdAt.getTime();
    const operations = Array.from({ length: 10_000 }, (_, n) => `${String(n).padStart(8, "0")} ${now} 1`).join(" ");
    const text = String(await redis.client.get("job:busy"));
    await redis.client.set("job:busy", text.replace('],"history":[', `],"ops":"${operations}","history":[`));
    expect(await store.delete("busy")).toBe(true);
    expect(await store.counts()).toEqual({ wanted: 0, seen: 0, done: 0 });
  });

  test("small ones are still sent in one batch if there is one of 4 MiB", async () => {
    const store = openStore();
    await store.create(LARGEST, { id: "large" });
    await store.createMany(ids(200).map((id) => ({ id, data: SMALL })));
    const changing = await commandsDuring(() => Promise.all(ids(200).map((id) => store.updateStatus(id, "wanted"))));
    expect(scripts(changing)).toBeLessThan(20);
    const reading = await commandsDuring(() => Promise.all(ids(200).map((id) => store.get(id))));
    expect(scripts(reading) + reading("mget")).toBeLessThan(20);
  });
});
