import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, type Job, type JobStore, JobStoreError, type StoreEvent } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { view } from "../src/lib/contract/expectations.js";
import { sending } from "../src/lib/contract/sends.js";
import { watching } from "../src/lib/contract/watch.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

const { available, title } = privateServer("redis");

function openStore(options: RedisDriverOptions, historyLimit?: number) {
  const events: StoreEvent[] = [];
  const onEvent = (event: StoreEvent) => events.push(event);
  const store = createJobStore({ job: report, driver: redisDriver(options), onEvent, historyLimit });
  onTestFinished(() => store.close());
  return { store, events };
}

/** The error that a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<{ error: JobStoreError }> {
  const error = await promise.then(
    (value) => expect.fail(`expected a rejection, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!JobStoreError.is(error)) throw error;
  return { error };
}

describe.skipIf(!available)(title("Redis under faults"), () => {
  let redis: PrivateServer;
  let client: Redis;
  let proxy: TcpProxy;

  beforeAll(async () => {
    redis = await startRedis({ args: PERSISTENT });
    client = new Redis(redis.url, { retryStrategy: () => 20 });
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });
  beforeEach(async () => {
    proxy = await startTcpProxy(redis);
    await useEachVerb();
    return async () => {
      await proxy.close();
      await client.flushall(); // A private server: only this test stores data in it.
    };
  });

  const viaProxy = (timeoutMs = 2000, historyLimit?: number) =>
    openStore({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs }, historyLimit);

  /** Makes the server know all scripts, because a test that loses a reply means the reply of a script that ran. */
  async function useEachVerb(): Promise<void> {
    await using store = createJobStore({ job: report, driver: redisDriver({ url: redis.url }) });
    const outbox = [{ queue: "reports", payload: {} }];
    const { job } = await store.create({ title: "One" }, { outbox });
    await store.updateStatus(job.id, "working", { outbox });
    await store.updateProgress(job.id, { done: 1 });
    await store.save(await store.updateStatus(job.id, "working"));
    await store.updateStatus(job.id, "done");
    await store.delete(job.id);
    await client.flushall();
  }

  describe("a reply that is lost", () => {
    /** Lets a call reach the server, loses its reply, and, after something else, breaks the line so that it is retried. */
    async function losingReply<T>(call: () => Promise<T>, meanwhile = async () => {}): Promise<T> {
      const before = await client.info("commandstats").then(executedScripts);
      proxy.swallowReplies();
      const outcome = call();
      outcome.catch(() => {});
      await vi.waitFor(async () => {
        expect(await client.info("commandstats").then(executedScripts)).toBeGreaterThan(before);
      }, PATIENCE);
      await meanwhile();
      proxy.heal();
      proxy.cut();
      return outcome;
    }

    const outbox = [{ queue: "reports", payload: {} }];
    /** Each call on a job that is `working` in version 2; a call that creates has an id of its own. */
    const commands: Readonly<Record<string, (store: JobStore<Report>, job: Job<Report>) => Promise<unknown>>> = {
      // The data looks like the part of a record that contains an operation id.
      create: (store) => store.create({ title: "New", body: [1, 0, "word"] }, { id: "new", outbox }),
      "updateStatus to another status": (store) => store.updateStatus("a", "done", { outbox }),
      "updateStatus to the same status": (store) => store.updateStatus("a", "working", { outbox }),
      updateProgress: (store) => store.updateProgress("a", { done: 1 }),
      save: (store, job) => store.save({ ...job, data: { title: "Saved" } }),
      delete: (store) => store.delete("a"),
    };

    test.each(
      Object.keys(commands).flatMap((command) => [
        { command, history: "a history", historyLimit: 32 },
        { command, history: "no history", historyLimit: 0 },
      ]),
    )("is reported once: $command, with $history", async ({ command, historyLimit }) => {
      const call = commands[command] as (store: JobStore<Report>, job: Job<Report>) => Promise<unknown>;
      /** Returns the stored jobs after the call, and the events of the call. */
      const outcome = async (store: JobStore<Report>, act: (job: Job<Report>) => Promise<unknown>) => {
        await store.create({ title: "One" }, { id: "a" });
        const job = await store.updateStatus("a", "working");
        const events = await watching(store);
        const answer = await act(job);
        await store.create({ title: "Last" }, { id: "last" });
        const types: string[] = [];
        for (let event = await events.next(); !("id" in event && event.id === "last"); event = await events.next()) {
          types.push(event.type);
        }
        const jobs = await store.getMany(["a", "new"]);
        const summary = jobs.map((job) => job && [job.status, job.version, job.progress, job.data, job.history.length]);
        return { answer: withoutTimes(answer), types, summary, messages: await store.outbox.depth() };
      };
      const plain = openStore({ url: redis.url }, historyLimit).store;
      const expected = await outcome(plain, (job) => call(plain, job));
      await client.flushall();
      const { store } = viaProxy(10_000, historyLimit);
      expect(await outcome(store, (job) => losingReply(() => call(store, job)))).toEqual(expected);
    });

    test.each<readonly [string, (other: JobStore<Report>, job: Job<Report>) => Promise<unknown>]>([
      ["keeps no history", (other) => other.updateStatus("a", "working")],
      ["saves the job without its history", (other, job) => other.save({ ...job, version: 3, history: [] })],
    ])("never causes a second change, even if another service %s before the retry", async (_, change) => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }, 0).store;
      await store.create({ title: "One" }, { id: "a" });
      const job = await store.updateStatus("a", "working");
      const moved = losingReply(
        () => store.updateStatus("a", "working"),
        async () => void (await change(other, job)),
      );
      // After the other change, the first one cannot be distinguished from a change that was never applied.
      expect((await failure(moved)).error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
      expect(await other.get("a")).toMatchObject({ status: "working", version: 4 });
    });

    test("of a status change does not undo progress that was recorded before the retry", async () => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }).store;
      await store.create({ title: "One" }, { id: "a" });
      const moved = await losingReply(
        () => store.updateStatus("a", "working", { progress: { done: 1 } }),
        () => other.updateProgress("a", { done: 2 }),
      );
      expect(moved).toMatchObject({ status: "working", version: 2 });
      expect(await other.get("a")).toMatchObject({ version: 2, progress: { done: 2 } });
    });

    test("of progress does not undo that of a status change before the retry", async () => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }).store;
      await store.create({ title: "One" }, { id: "a" });
      await losingReply(
        () => store.updateProgress("a", { done: 1 }),
        async () => void (await other.updateStatus("a", "working", { progress: { done: 2 } })),
      ).catch((error) => expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true }));
      expect(await other.get("a")).toMatchObject({ version: 2, progress: { done: 2 } });
    });

    test("to calls of one tick on many jobs: each call is applied once", async () => {
      const { store } = viaProxy(20_000);
      const ids = Array.from({ length: 100 }, (_, n) => `job-${n}`);
      await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
      const moved = await losingReply(() => Promise.all(ids.map((id) => store.updateStatus(id, "working"))));
      expect(moved.map(({ version }) => version)).toEqual(ids.map(() => 2));
      expect(await store.getMany(ids)).toEqual(moved);
    });

    test("to calls of one tick on one job: each call is applied once or is indeterminate, and all in order", async () => {
      const { store } = viaProxy(20_000, 1000);
      await store.create({ title: "One" }, { id: "a" });
      const notes = Array.from({ length: 100 }, (_, n) => `${n}`.padStart(3, "0"));
      const outcomes = await losingReply(() =>
        Promise.allSettled(notes.map((note) => store.updateStatus("a", "working", { note }))),
      );
      const job = await store.get("a");
      const made = job?.history.flatMap(({ note }) => note ?? []) ?? [];
      expect(made).toEqual([...new Set(made)].toSorted());
      for (const [n, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") expect(made[outcome.value.version - 2]).toBe(notes[n]);
        else expect(outcome).toMatchObject({ reason: { code: "UNAVAILABLE", indeterminate: true } });
      }
    });

    test("and a call that may still be applied is not rejected before its deadline", async () => {
      const { store } = viaProxy(1_000);
      const { job } = await vi.waitFor(() => store.create({ title: "One" }), PATIENCE);
      const begun = performance.now();
      const moved = failure(
        losingReply(
          () => store.updateStatus(job.id, "working"),
          () => proxy.shut(),
        ),
      );
      expect((await moved).error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
      expect(performance.now() - begun).toBeGreaterThanOrEqual(999);
    });

    test("creates a job once, and still replies that it was created", async () => {
      const { store } = viaProxy();
      await store.create({
        title: "The first change of a store sends other commands, whose replies must not be lost here",
      });
      const outbox = [{ queue: "reports", payload: {} }];
      const { created, job } = await losingReply(() => store.create({ title: "One" }, { id: "one", outbox }));
      expect(created).toBe(true);
      expect(await store.get("one")).toEqual(job);
      expect(await store.outbox.depth()).toBe(1);
    });

    test("sends the messages of a status once", async () => {
      await using store = createJobStore({
        job: sending,
        driver: redisDriver({ url: `redis://127.0.0.1:${proxy.port}` }),
      });
      // The server knows both scripts afterwards.
      await store.create({ title: "One" }, { id: "a" });
      await store.updateStatus("a", "working");
      await losingReply(() => store.create({ title: "One" }, { id: "b" }));
      await losingReply(() => store.updateStatus("b", "working"));
      const entries = await store.outbox.read();
      expect(entries.map(({ id }) => id)).toEqual(["a.1.0", "a.2.0", "b.1.0", "b.2.0"]);
    });

    test("changes a status once, and replies with the changed job", async () => {
      const { store } = viaProxy();
      const { job } = await store.create({ title: "One" });
      const moved = await losingReply(() => store.updateStatus(job.id, "working"));
      expect(moved).toMatchObject({ status: "working", version: 2 });
      expect((await store.get(job.id))?.history).toHaveLength(2);
    });

    test("re-enters a status once", async () => {
      const { store } = viaProxy();
      const { job } = await store.create({ title: "One" });
      await store.updateStatus(job.id, "working");
      expect(await losingReply(() => store.updateStatus(job.id, "working"))).toMatchObject({ version: 3 });
    });

    test("saves a job once", async () => {
      const { store } = viaProxy();
      const { job } = await store.create({ title: "One" });
      const saved = await losingReply(() => store.save({ ...job, data: { title: "Two" } }));
      expect(saved).toMatchObject({ version: 2, data: { title: "Two" } });
    });

    test("deletes a job once, and still replies that it existed", async () => {
      const { store } = viaProxy();
      const { job } = await store.create({ title: "One" });
      expect(await losingReply(() => store.delete(job.id))).toBe(true);
    });

    test("does not let a repeated progress overwrite a later one", async () => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }).store;
      const { job } = await store.create({ title: "One" });
      await losingReply(
        () => store.updateProgress(job, { done: 1 }),
        () => other.updateProgress(job, { done: 2 }),
      );
      expect((await other.get(job.id))?.progress).toEqual({ done: 2 });
    });

    test.each<readonly [string, (store: JobStore<Report>) => Promise<unknown>]>([
      ["progress", (store) => store.updateProgress("a", { done: 1 })],
      ["a status change", (store) => store.updateStatus("a", "working", { note: "once" })],
      ["a deletion", (store) => store.delete("a")],
      ["a creation", (store) => store.create({ title: "Two" }, { id: "b" })],
    ])("is not applied again if the first attempt arrives after the retry: %s", async (_, call) => {
      const { store } = viaProxy(60_000);
      const other = openStore({ url: redis.url }).store;
      await store.create({ title: "One" }, { id: "a" });
      await store.updateStatus("a", "working");
      const { arrived, deliver } = proxy.holdRequests();
      const outcome = call(store);
      await arrived;
      proxy.cut();
      await outcome;
      await other.create({ title: "Anew" }, { id: "a" });
      await other.updateProgress("a", { done: 2 });
      await other.delete("b");
      const before = await other.getMany(["a", "b"]);
      const scripts = await client.info("commandstats").then(executedScripts);
      deliver();
      await vi.waitFor(async () => {
        expect(await client.info("commandstats").then(executedScripts)).toBeGreaterThan(scripts);
      }, PATIENCE);
      expect(await other.getMany(["a", "b"])).toEqual(before);
    });

    test("does not create a job again that was deleted before the retry", async () => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }).store;
      await store.create({
        title: "The first change of a store sends other commands, whose replies must not be lost here",
      });
      const outbox = [{ queue: "reports", payload: {} }];
      const { error } = await failure(
        losingReply(
          () => store.create({ title: "One" }, { id: "one", outbox }),
          async () => void (await other.delete("one")),
        ),
      );
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
      expect(await store.get("one")).toBeNull();
      expect(await store.outbox.depth()).toBe(1);
    });

    test("does not change a job that was created after the changed one was deleted", async () => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }).store;
      await store.create({ title: "One" }, { id: "one" });
      const { error } = await failure(
        losingReply(
          () => store.updateStatus("one", "working"),
          async () => {
            await other.delete("one");
            await other.create({ title: "Two" }, { id: "one" });
          },
        ),
      );
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
      expect(await store.get("one")).toMatchObject({ status: "waiting", version: 1, data: { title: "Two" } });
    });

    test("is reported as indeterminate if the job was changed before the retry", async () => {
      const { store } = viaProxy();
      const other = openStore({ url: redis.url }).store;
      const { job } = await store.create({ title: "One" });
      const { error } = await failure(
        losingReply(
          () => store.updateStatus(job.id, "working"),
          async () => void (await other.updateStatus(job.id, "done")),
        ),
      );
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
      expect(await store.get(job.id)).toMatchObject({ status: "done", version: 3 });
    });
  });

  describe("an unavailable server", () => {
    test("is awaited until the deadline of a call", async () => {
      const away = await startRedis();
      onTestFinished(() => away.stop());
      await away.kill();
      const { store, events } = openStore({ url: away.url, timeoutMs: 60_000 });
      const call = store.create({ title: "Early" });
      await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain("disconnected"), PATIENCE);
      await away.restart();
      expect((await call).created).toBe(true);
      expect(events.map(({ type }) => type)).toEqual(["disconnected", "connected"]);
    });

    test("makes calls fail with UNAVAILABLE in time, and nothing was applied", async () => {
      const { store } = openStore({ url: "redis://127.0.0.1:1", timeoutMs: 300 });
      for (const call of [
        () => store.create({ title: "x" }),
        () => store.get("x"),
        () => store.list(),
        () => store.counts(),
      ]) {
        const { error } = await failure(call());
        expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
        expect(error.message).toContain("ECONNREFUSED");
      }
      expect(await store.health({ timeoutMs: 200 })).toMatchObject({ status: "unhealthy", latencyMs: null });
    });

    test("gets no call whose deadline passed before it was available again", async () => {
      const { store } = viaProxy(300);
      await vi.waitFor(() => store.create({ title: "One" }, { id: "a" }), PATIENCE);
      await proxy.shut();
      const outbox = [{ queue: "reports", payload: 1 }];
      for (const call of [
        () => store.create({ title: "Late" }, { id: "late", outbox }),
        () => store.updateStatus("a", "working", { outbox }),
        () => store.delete("a"),
      ]) {
        expect((await failure(call())).error).toMatchObject({ code: "UNAVAILABLE" });
      }
      await proxy.open();
      await vi.waitFor(async () => expect(await store.get("late")).toBeNull(), PATIENCE);
      expect(await store.get("a")).toMatchObject({ version: 1, status: "waiting" });
      expect(await store.outbox.depth()).toBe(0);
    });

    test("loses no acknowledged change when it is killed and restarted", async () => {
      const { store } = openStore({ url: redis.url, timeoutMs: 60_000 });
      const acknowledged = new Set<string>();
      let running = true;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; running; n++) {
          const { job } = await store.create({ title: "Busy" }, { id: `${writer}-${n}` });
          await store.updateStatus(job.id, "working");
          acknowledged.add(job.id);
        }
      });
      await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(50), PATIENCE);
      await redis.kill();
      await redis.restart();
      const atRestart = acknowledged.size;
      await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(atRestart + 50), PATIENCE);
      running = false;
      await Promise.all(writers);
      for (const job of await store.getMany([...acknowledged])) {
        expect(job).toMatchObject({ status: "working", version: 2, attempt: 1 });
      }
      expect(await store.counts()).toMatchObject({ working: acknowledged.size, waiting: 0 });
    });
  });

  describe("a server that hangs", () => {
    test("makes calls fail as indeterminate in time, and applies nothing later", async () => {
      const { store } = viaProxy(300);
      // The first call of all connects as well, which such a time may be too short for.
      const { job } = await vi.waitFor(() => store.create({ title: "One" }), PATIENCE);
      await redis.kill("SIGSTOP");
      try {
        const { error } = await failure(store.updateStatus(job.id, "working"));
        expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
      } finally {
        await redis.kill("SIGCONT");
      }
      await vi.waitFor(async () => expect((await store.health()).status).toBe("healthy"), PATIENCE);
      expect(await store.get(job.id)).toMatchObject({ status: "waiting", version: 1 });
    });

    test("applies no call of any kind later", async () => {
      const { store } = viaProxy(300);
      const stored = async (id: string) => (await store.create({ title: "One", label: "red" }, { id })).job;
      const jobs = await vi.waitFor(() => Promise.all(["a", "b", "c", "d", "e", "f"].map(stored)), PATIENCE);
      const [a, b] = jobs as [Job<Report, "waiting">, Job<Report>];
      const reader = openStore({ url: redis.url, timeoutMs: 60_000 }).store;
      const before = await view(reader);
      const outbox = [{ queue: "reports", payload: 1 }];
      await redis.kill("SIGSTOP");
      let outcomes: readonly PromiseSettledResult<unknown>[] = [];
      try {
        outcomes = await Promise.allSettled([
          store.create({ title: "Late" }, { id: "late", outbox }),
          store.updateStatus(a, "working", { outbox }),
          store.save({ ...b, data: { title: "Late" } }),
          store.updateStatus("c", "failed", { error: { message: "late" } }),
          store.updateProgress("d", { done: 1 }),
          store.delete("e"),
          store.deleteMany(["f"]),
        ]);
      } finally {
        await redis.kill("SIGCONT");
      }
      for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: "UNAVAILABLE" } });
      await vi.waitFor(async () => expect((await store.health()).status).toBe("healthy"), PATIENCE);
      expect(await view(reader)).toEqual(before);
    });

    test("makes a limited number of calls wait: further ones are rejected at once, and the waiting ones applied", async () => {
      // The time of a call is longer than that of this test, so no call ends for lack of time.
      const { store } = openStore({ url: redis.url, timeoutMs: 600_000 });
      const most = 120_000;
      await store.create({ title: "One" }, { id: "a" });
      await redis.kill("SIGSTOP");
      try {
        const refusals: unknown[] = [];
        const calls = Array.from({ length: most }, () => store.delete("absent").catch((error) => refusals.push(error)));
        await vi.waitFor(() => expect(refusals.length).toBeGreaterThan(0), PATIENCE);
        expect(refusals[0]).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
        await redis.kill("SIGCONT");
        const outcomes = await Promise.all(calls);
        expect(outcomes.filter((outcome) => outcome === false)).toHaveLength(most - refusals.length);
        expect(await store.get("a")).toMatchObject({ version: 1 });
      } finally {
        await redis.kill("SIGCONT");
      }
    });

    test("does not keep close() waiting", async () => {
      const { store } = viaProxy(300);
      await store.create({ title: "One" });
      proxy.freeze();
      const call = failure(store.counts());
      await store.close();
      expect((await call).error.code).toBe("UNAVAILABLE");
    });

    test("is reached through a new connection if the old one died silently", async () => {
      const { store } = viaProxy(500);
      await store.create({ title: "One" });
      proxy.freeze();
      await failure(store.counts());
      proxy.cut();
      proxy.heal();
      await vi.waitFor(async () => expect(await store.counts()).toMatchObject({ waiting: 1 }), PATIENCE);
    });
  });

  describe("a server that loses", () => {
    test("its scripts gets them again", async () => {
      const { store } = viaProxy();
      const { job } = await store.create({ title: "One" });
      await client.script("FLUSH");
      expect(await store.updateStatus(job.id, "working")).toMatchObject({ version: 2 });
    });

    test("its scripts gets them again while many calls of a tick are in flight, each applied once", async () => {
      const { store } = viaProxy(60_000);
      const ids = Array.from({ length: 100 }, (_, n) => `job-${n}`);
      await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
      for (let version = 2; version < 7; version++) {
        await client.script("FLUSH");
        const moved = await Promise.all(ids.map((id) => store.updateStatus(id, "working")));
        expect(moved.map((job) => job.version)).toEqual(ids.map(() => version));
      }
      expect((await store.outbox.depth()) + (await store.counts()).working).toBe(100);
    });

    test("everything gets its metadata again, and calls continue", async () => {
      const { store } = viaProxy();
      await store.create({ title: "One" });
      await client.flushall();
      const { job } = await store.create({ title: "Two" });
      expect((await store.list({ status: "waiting" })).items).toEqual([job]);
      expect(await store.counts()).toMatchObject({ waiting: 1 });
    });
  });

  describe("a server that rejects", () => {
    test("writes because its memory is full can still be read, and health reports it", async () => {
      const { store, events } = viaProxy();
      const { job } = await store.create({ title: "One" });
      await client.config("SET", "maxmemory", "1");
      onTestFinished(async () => void (await client.config("SET", "maxmemory", "0")));
      const { error } = await failure(store.updateStatus(job.id, "working"));
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
      expect(error.message).toContain("OOM");
      expect(await store.get(job.id)).toEqual(job);
      expect(await store.health()).toMatchObject({ status: "degraded", error: expect.stringContaining("OOM") });
      await client.config("SET", "maxmemory", "0");
      await store.updateStatus(job.id, "working");
      expect(events.map(({ type }) => type)).toEqual(["connected", "degraded", "recovered"]);
    });

    test("the password never shows it in an error, an event or health", async () => {
      await client.config("SET", "requirepass", "right");
      onTestFinished(async () => void (await client.config("SET", "requirepass", "")));
      const { store, events } = openStore({ url: `redis://:s3cret@127.0.0.1:${redis.port}`, timeoutMs: 300 });
      const { error } = await failure(store.create({ title: "payload-of-mine" }));
      expect(error.code).toBe("UNAVAILABLE");
      const said = [error.message, String(error.stack), error.cause, events, await store.health()];
      expect(JSON.stringify(said)).not.toMatch(/s3cret|payload-of-mine/);
    });
  });

  test("a key with another value is distinguished from an absent job, also in a list with readable jobs", async () => {
    const { store } = viaProxy();
    const { job: good } = await store.create({ title: "Good" }, { id: "good" });
    await store.create({ title: "Bad" }, { id: "bad" });
    await client.del("job:bad");
    await client.lpush("job:bad", "x");
    const calls = [
      () => store.get("bad"),
      () => store.updateStatus("bad", "working"),
      () => store.create({ title: "x" }, { id: "bad" }),
    ];
    for (const call of calls) {
      expect((await failure(call())).error).toMatchObject({ code: "UNREADABLE_RECORD", jobId: "bad" });
    }
    const page = await store.list({ status: "waiting" });
    expect(page.items).toEqual([good]);
    expect(page.unreadable).toEqual([{ id: "bad", reason: expect.any(String) }]);
    expect(await store.delete("bad")).toBe(true);
  });

  test("a client of the caller can be used, and stays open when the store is closed", async () => {
    const own = new Redis(redis.url, { enableAutoPipelining: true });
    onTestFinished(() => own.disconnect());
    const { store } = openStore({ client: own });
    await store.create({ title: "One" });
    await store.close();
    expect(await own.ping()).toBe("PONG");
  });

  test("an outbox entry of another application does not block other entries", async () => {
    const { store } = viaProxy();
    await store.create({ title: "One" }, { outbox: [{ queue: "reports", payload: 1 }] });
    await client.xadd("jobs:outbox", "*", "not", "ours");
    await store.create({ title: "Two" }, { outbox: [{ queue: "reports", payload: 2 }] });
    expect((await store.outbox.read()).map(({ payload }) => payload)).toEqual([1, 2]);
    const foreign = (await client.xrange("jobs:outbox", "-", "+")).find(([, [field]]) => field === "not");
    await store.outbox.reject([String(foreign?.[0])], "not ours");
    expect(await store.outbox.rejected()).toEqual([]);
  });

  test("a history far above the limit is shortened without blocking the server", async () => {
    const large = createJobStore({ job: report, driver: redisDriver({ url: redis.url }), historyLimit: 10_000 });
    onTestFinished(() => large.close());
    const { job } = await large.create({ title: "One" });
    const at = new Date();
    const change = { from: "working", to: "working", at, note: "long enough to be worth copying" } as const;
    const history = Array.from({ length: 10_000 }, (_, n) => ({ ...change, version: n + 1 }));
    await large.save({ ...job, history });
    const { store } = viaProxy();
    const moved = await store.updateStatus(job.id, "working");
    expect(moved.history.map(({ version }) => version)).toEqual([...Array.from({ length: 31 }, (_, n) => 9970 + n), 3]);
  });

  describe("a wait whose clock is wrong", () => {
    test("ends at its timeout although the clock is set back", async () => {
      const { store } = viaProxy();
      const { job } = await store.create({ title: "One" });
      const outcome = failure(store.waitFor(job.id, { timeoutMs: 200 }));
      const now = Date.now;
      vi.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
      onTestFinished(() => void vi.restoreAllMocks());
      expect((await outcome).error.code).toBe("TIMEOUT");
    });

    test("does not poll without pause for a job that should have expired", async () => {
      const store = createJobStore({
        job: report,
        driver: redisDriver({ url: redis.url }),
        ttlSeconds: { waiting: 60 },
      });
      onTestFinished(() => store.close());
      const { job } = await store.create({ title: "One" });
      const now = Date.now;
      vi.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000);
      onTestFinished(() => void vi.restoreAllMocks());
      const before = await client.info("commandstats").then(executedScripts);
      const { error } = await failure(store.waitFor(job.id, { timeoutMs: 600 }));
      expect(error.code).toBe("TIMEOUT");
      expect((await client.info("commandstats").then(executedScripts)) - before).toBeLessThan(20);
    });
  });

  test("a clock that jumps ahead is detected, and the call succeeds", async () => {
    const { store } = viaProxy();
    await store.create({ title: "One" });
    const now = performance.now.bind(performance);
    // Our clock runs 10 s behind what was measured at connect: every deadline looks long past to the server.
    vi.spyOn(performance, "now").mockImplementation(() => now() - 10_000);
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await store.create({ title: "Two" })).created).toBe(true);
  });
});

/** An answer without the times in it, which differ from run to run. */
function withoutTimes(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer ?? null), (key, value) => (/At$|^at$/.test(key) ? undefined : value));
}

/** Returns the number of scripts that the server has completed. */
function executedScripts(stats: string): number {
  const counts = /cmdstat_evalsha:calls=(\d+).*failed_calls=(\d+)/.exec(stats);
  return counts === null ? 0 : Number(counts[1]) - Number(counts[2]);
}
