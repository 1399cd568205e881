import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn } from "./definitions.js";
import { collect, expectRefusal, view } from "./expectations.js";

const invoice = defineJob({
  name: "invoice",
  data: z.object({ title: z.string() }),
  initial: "waiting",
  statuses: { waiting: { next: ["working"] }, working: { next: [] } },
});

const CALLS: Readonly<Record<string, (store: JobStore<typeof invoice>) => Promise<unknown>>> = {
  create: (store) => store.create({ title: "One" }, { id: "b", outbox: [{ queue: "reports", payload: 1 }] }),
  get: (store) => store.get("a"),
  getMany: (store) => store.getMany(["a"]),
  updateStatus: (store) => store.updateStatus("a", "working"),
  updateProgress: (store) => store.updateProgress("a", null),
  delete: (store) => store.delete("a"),
  deleteMany: (store) => store.deleteMany(["a"]),
  list: (store) => store.list(),
  "list by status": (store) => store.list({ status: "waiting" }),
  scan: (store) => collect(store.scan()),
  counts: (store) => store.counts(),
  "outbox.read": (store) => store.outbox.read(),
  "outbox.ack": (store) => store.outbox.ack(["1-1"]),
  "outbox.reject": (store) => store.outbox.reject(["1-1"], "why"),
  "outbox.rejected": (store) => store.outbox.rejected(),
  "outbox.requeue": (store) => store.outbox.requeue(["1-1"]),
  "outbox.depth": (store) => store.outbox.depth(),
  "outbox.oldest": (store) => store.outbox.oldest(),
};

/** A place holds jobs of one definition. */
export function ownership({ test }: Context): void {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name}: another definition over the same place is INVALID_ARGUMENT, naming both`, async ({
      store,
      stores,
    }) => {
      await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
      const before = await view(store);
      const error = await expectRefusal(call(stores.openFor(invoice)), "INVALID_ARGUMENT");
      expect(error.message).toContain("report");
      expect(error.message).toContain("invoice");
      expect(await view(store)).toEqual(before);
    });
  }

  test("the health of such a store is told, not thrown", async ({ store, stores }) => {
    await jobIn(store, "waiting", "a");
    const health = await stores.openFor(invoice).health();
    expect(health.driver).not.toBe("");
  });

  test("opening a store takes no place: the first call does", async ({ store, stores }) => {
    const other = stores.openFor(invoice);
    expect((await other.create({ title: "One" })).created).toBe(true);
    await expectRefusal(store.counts(), "INVALID_ARGUMENT");
  });

  test("a definition that has gained a status goes on where the old one was", async ({ store, stores }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const { statuses } = store.definition;
    const grown = stores.openFor(
      defineJob({
        name: "report",
        data: store.definition.data,
        initial: "waiting",
        statuses: { paused: { next: ["waiting"] }, ...statuses, waiting: { next: ["paused", "working"] } },
      }),
    );
    expect((await grown.get("a"))?.data).toEqual(job.data);
    await grown.updateStatus("a", "paused");
    expect(await grown.counts()).toMatchObject({ paused: 1, waiting: 0 });
    await expectRefusal(store.get("a"), "UNREADABLE_RECORD", { jobId: "a" });
    expect(await store.list()).toMatchObject({ items: [], unreadable: [{ id: "a" }] });
    await grown.updateStatus("a", "waiting");
    expect(await store.updateStatus("a", "working")).toMatchObject({ version: 4 });
  });
}
