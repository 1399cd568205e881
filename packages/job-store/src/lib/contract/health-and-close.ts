import { expect } from "vitest";
import type { Health, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report } from "./definitions.js";
import { collect, expectRefusal, manyIds } from "./expectations.js";

function expectShape(health: Health): void {
  expect(["healthy", "degraded", "unhealthy"]).toContain(health.status);
  expect(health.driver).toBeTypeOf("string");
  if (health.latencyMs !== null) expect(health.latencyMs).toBeGreaterThanOrEqual(0);
  expect(JSON.parse(JSON.stringify(health.details))).toEqual(health.details);
  for (const warning of health.warnings) expect(warning).toBeTypeOf("string");
  if (health.status === "unhealthy") expect(health.error).not.toBe("");
}

export function health({ test }: Context): void {
  test("the health of a working store has the declared properties and is not unhealthy", async ({
    store,
    underTest,
  }) => {
    for (const options of [undefined, {}, { timeoutMs: undefined }, { timeoutMs: 5000 }]) {
      const health = await store.health(options);
      expectShape(health);
      expect(health.status).not.toBe("unhealthy");
      expect(health.driver).toBe(underTest.driver.name);
      expect(health.latencyMs).toBeTypeOf("number");
      expect(health.error).toBeUndefined();
    }
  });

  test("health never throws, even with invalid options or after closing", async ({ store }) => {
    for (const timeoutMs of [0, -1, Number.NaN, 1e9, "soon", "1000", 1n, Symbol("soon"), Object.create(null)]) {
      const health = await store.health({ timeoutMs: timeoutMs as number });
      expectShape(health);
      expect(health.status).toBe("unhealthy");
    }
    await store.close();
    const closed = await store.health();
    expectShape(closed);
    expect(closed).toMatchObject({ status: "unhealthy", error: expect.stringContaining("closed") });
  });

  test("rejected messages cause a warning, and the store is still healthy", async ({ store }) => {
    const before = await store.health();
    const outbox = [1, 2].map((payload) => ({ queue: "reprots", payload }));
    await store.create({ title: "One" }, { outbox });
    const [first, second] = (await store.outbox.read()).map(({ entryId }) => entryId);
    await store.outbox.reject([first as string], "No such queue.");
    const warned = await store.health();
    expect(warned.status).toBe(before.status);
    expect(warned.warnings).toEqual([...before.warnings, expect.stringMatching(/^1 outbox message was rejected/)]);
    await store.outbox.reject([second as string], "No such queue.");
    expect((await store.health()).warnings.at(-1)).toMatch(/^2 outbox messages were rejected .* outbox --rejected/);
    await store.outbox.ack([first as string, second as string]);
    expect((await store.health()).warnings).toEqual(before.warnings);
  });

  test("many concurrent calls of health succeed", async ({ store }) => {
    for (const health of await Promise.all(Array.from({ length: 20 }, () => store.health()))) {
      expect(health.status).not.toBe("unhealthy");
    }
  });
}

const CALLS: Readonly<Record<string, (store: JobStore<Report>) => Promise<unknown>>> = {
  create: (store) => store.create({ title: "One" }),
  save: (store) => store.save(imported("a")),
  get: (store) => store.get("a"),
  getMany: (store) => store.getMany(["a"]),
  updateStatus: (store) => store.updateStatus("a", "working"),
  updateProgress: (store) => store.updateProgress("a", { done: 1 }),
  delete: (store) => store.delete("a"),
  deleteMany: (store) => store.deleteMany(["a"]),
  list: (store) => store.list(),
  scan: (store) => collect(store.scan()),
  counts: (store) => store.counts(),
  audit: (store) => store.audit(),
  pauseQueue: (store) => store.pauseQueue("reports"),
  resumeQueue: (store) => store.resumeQueue("reports"),
  pausedQueues: (store) => store.pausedQueues(),
  workers: (store) => store.workers(),
  "outbox.read": (store) => store.outbox.read({ waitMs: 1000 }),
  "outbox.ack": (store) => store.outbox.ack(["1-1"]),
  "outbox.reject": (store) => store.outbox.reject(["1-1"], "why"),
  "outbox.rejected": (store) => store.outbox.rejected(),
  "outbox.requeue": (store) => store.outbox.requeue(["1-1"]),
  "outbox.depth": (store) => store.outbox.depth(),
  "outbox.scheduled": (store) => store.outbox.scheduled(),
  "outbox.oldest": (store) => store.outbox.oldest(),
};

export function close({ test }: Context): void {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name} after closing is CLOSED, if the store was used before and if it was not`, async ({
      store,
      stores,
    }) => {
      await jobIn(store, "waiting", "a");
      await store.close();
      await expectRefusal(call(store), "CLOSED");
      const unused = stores.open();
      await unused.close();
      await expectRefusal(call(unused), "CLOSED");
    });
  }

  test("createMany after closing rejects each job with CLOSED", async ({ store }) => {
    await store.close();
    const outcomes = await store.createMany([{ data: { title: "One" } }, { data: { title: "Two" } }]);
    const refused = { status: "rejected", reason: expect.objectContaining({ code: "CLOSED" }) };
    expect(outcomes).toEqual([refused, refused]);
  });

  test("close waits for the calls in flight, and their changes are stored", async ({ store, stores }) => {
    const ids = manyIds(40);
    let settled = 0;
    const calls = ids.map(async (id) => {
      const { created } = await store.create({ title: "One" }, { id });
      settled++;
      return created;
    });
    await store.close();
    expect(settled).toBe(40);
    expect(await Promise.all(calls)).toEqual(ids.map(() => true));
    expect(await stores.openApart().counts()).toMatchObject({ waiting: 40 });
  });

  test("a call during close is CLOSED", async ({ store }) => {
    const closing = store.close();
    await expectRefusal(store.get("a"), "CLOSED");
    await closing;
  });

  test("close can be called twice, also concurrently", async ({ store }) => {
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await store[Symbol.asyncDispose]();
  });

  test("`await using` closes the store", async ({ store }) => {
    await store[Symbol.asyncDispose]();
    await expectRefusal(store.get("a"), "CLOSED");
  });

  test("other stores in the same storage continue to work", async ({ store, stores }) => {
    const others = [stores.open(), stores.openApart()];
    await jobIn(store, "waiting", "a");
    await store.close();
    for (const other of others) {
      expect((await other.get("a"))?.status).toBe("waiting");
      expect(await other.outbox.read()).toEqual([]);
    }
    expect(await stores.open().counts()).toMatchObject({ waiting: 1 });
  });
}
