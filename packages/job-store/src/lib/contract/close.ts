import { expect } from "vitest";
import type { JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report } from "./definitions.js";
import { collect, expectRefusal, manyIds } from "./expectations.js";
import { imported } from "./imported.js";

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
  "outbox.read": (store) => store.outbox.read({ waitMs: 1000 }),
  "outbox.ack": (store) => store.outbox.ack(["1-1"]),
  "outbox.reject": (store) => store.outbox.reject(["1-1"], "why"),
  "outbox.rejected": (store) => store.outbox.rejected(),
  "outbox.requeue": (store) => store.outbox.requeue(["1-1"]),
  "outbox.depth": (store) => store.outbox.depth(),
  "outbox.oldest": (store) => store.outbox.oldest(),
};

export function close({ test }: Context): void {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name} after closing is CLOSED, in a store that was used and in one that was not`, async ({
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

  test("createMany after closing settles each with CLOSED", async ({ store }) => {
    await store.close();
    const outcomes = await store.createMany([{ data: { title: "One" } }, { data: { title: "Two" } }]);
    const refused = { status: "rejected", reason: expect.objectContaining({ code: "CLOSED" }) };
    expect(outcomes).toEqual([refused, refused]);
  });

  test("it waits for the calls in flight, and what they wrote is there", async ({ store, stores }) => {
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

  test("a call that begins while it closes is CLOSED", async ({ store }) => {
    const closing = store.close();
    await expectRefusal(store.get("a"), "CLOSED");
    await closing;
  });

  test("closing twice, or at the same time, is closing once", async ({ store }) => {
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await store[Symbol.asyncDispose]();
  });

  test("`await using` closes it", async ({ store }) => {
    await store[Symbol.asyncDispose]();
    await expectRefusal(store.get("a"), "CLOSED");
  });

  test("other stores over the same place go on", async ({ store, stores }) => {
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
