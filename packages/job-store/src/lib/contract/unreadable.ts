import { expect } from "vitest";
import type { JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, strictReport } from "./definitions.js";
import { collect, expectRefusal, idsOf } from "./expectations.js";

/** "good" fits the strict schema as well, "bad" does not. */
async function fill(store: JobStore<Report>): Promise<void> {
  await store.create({ title: "Short" }, { id: "good" });
  await store.create({ title: "Much too long" }, { id: "bad" });
}

export function unreadable({ test }: Context): void {
  test("a record that does not fit the schema is UNREADABLE_RECORD to who reads it, naming the id", async ({
    store,
    stores,
  }) => {
    await fill(store);
    const strict = stores.openFor(strictReport);
    await expectRefusal(strict.get("bad"), "UNREADABLE_RECORD", { jobId: "bad" });
    await expectRefusal(strict.getMany(["good", "bad"]), "UNREADABLE_RECORD", { jobId: "bad" });
    await expectRefusal(strict.create({ title: "Again" }, { id: "bad" }), "UNREADABLE_RECORD", { jobId: "bad" });
    await expectRefusal(collect(strict.scan()), "UNREADABLE_RECORD", { jobId: "bad" });
    expect((await strict.get("good"))?.data).toEqual({ title: "Short" });
  });

  test("in a list it stands beside the good ones, with the reason", async ({ store, stores }) => {
    await fill(store);
    const strict = stores.openFor(strictReport);
    for (const query of [{}, { status: "waiting" }, { order: "oldest", limit: 2 }] as const) {
      const page = await strict.list(query);
      expect(idsOf(page.items as never)).toEqual(["good"]);
      expect(page.unreadable).toEqual([{ id: "bad", reason: expect.stringContaining("title") }]);
    }
    expect((await strict.counts()).waiting).toBe(2);
  });

  test("a page of nothing else goes on with its cursor", async ({ store, stores }) => {
    await fill(store);
    const strict = stores.openFor(strictReport);
    let cursor: string | undefined;
    const seen: string[] = [];
    do {
      const page = await strict.list({ limit: 1, cursor });
      seen.push(...page.items.map(({ id }) => id), ...page.unreadable.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen.toSorted()).toEqual(["bad", "good"]);
  });

  test("a write that was made says so: committed", async ({ store, stores }) => {
    await fill(store);
    const strict = stores.openFor(strictReport);
    const error = await expectRefusal(strict.updateStatus("bad", "working"), "UNREADABLE_RECORD", {
      jobId: "bad",
      committed: true,
    });
    expect(error.message).toContain("made");
    expect(await store.get("bad")).toMatchObject({ status: "working", version: 2 });
  });

  test("a call that wrote nothing does not say so", async ({ store, stores }) => {
    await fill(store);
    await store.updateStatus("bad", "failed");
    const strict = stores.openFor(strictReport);
    const same = await expectRefusal(strict.updateStatus("bad", "failed"), "UNREADABLE_RECORD", { jobId: "bad" });
    const exists = await expectRefusal(strict.create({ title: "Again" }, { id: "bad" }), "UNREADABLE_RECORD");
    expect([same.committed, exists.committed]).not.toContain(true);
    expect((await store.get("bad"))?.version).toBe(2);
  });

  test("progress and result are held against their schemas too", async ({ store, stores }) => {
    await store.create({ title: "Short" }, { id: "a" });
    await store.updateProgress("a", { done: 50 });
    const strict = stores.openFor(strictReport);
    await expectRefusal(strict.get("a"), "UNREADABLE_RECORD", { jobId: "a" });
    await store.updateStatus("a", "working", { progress: null, result: { url: "no url" } });
    await expectRefusal(strict.get("a"), "UNREADABLE_RECORD", { jobId: "a" });
    await store.updateStatus("a", "failed", { result: { url: "https://reports.test/a" } });
    expect(await strict.get("a")).toMatchObject({ status: "failed" });
  });

  test("what needs no reading works: progress, deletion, counts", async ({ store, stores }) => {
    await fill(store);
    const strict = stores.openFor(strictReport);
    await strict.updateProgress("bad", { done: 1 });
    expect((await store.get("bad"))?.progress).toEqual({ done: 1 });
    expect(await strict.delete("bad")).toBe(true);
    expect((await strict.counts()).waiting).toBe(1);
  });

  test("validateReads: false reads what is stored, as it is", async ({ store, stores }) => {
    await fill(store);
    const trusting = stores.openFor(strictReport, { validateReads: false });
    expect((await trusting.get("bad"))?.data).toEqual({ title: "Much too long" });
    expect(await trusting.updateStatus("bad", "working")).toMatchObject({ version: 2 });
    expect(await trusting.list()).toMatchObject({ unreadable: [] });
    await expectRefusal(trusting.create({ title: "Much too long" }), "INVALID_DATA");
  });

  test("a record that no driver wrote is unreadable, and no more than that", async ({ store, place, skip }) => {
    if (place.corrupt === undefined) return skip("this driver's records cannot be tampered with");
    await jobIn(store, "waiting", "good");
    const snapshot = await jobIn(store, "waiting", "bad");
    await place.corrupt("bad");
    const named = { jobId: "bad" };
    await expectRefusal(store.get("bad"), "UNREADABLE_RECORD", named);
    await expectRefusal(store.getMany(["good", "bad"]), "UNREADABLE_RECORD", named);
    await expectRefusal(store.create({ title: "Again" }, { id: "bad" }), "UNREADABLE_RECORD", named);
    await expectRefusal(store.updateStatus("bad", "working"), "UNREADABLE_RECORD", named);
    await expectRefusal(store.updateProgress("bad", { done: 1 }), "UNREADABLE_RECORD", named);
    await expectRefusal(store.save(snapshot), "UNREADABLE_RECORD", named);
    await expectRefusal(store.delete(snapshot), "UNREADABLE_RECORD", named);
    expect(await store.list()).toMatchObject({ items: [{ id: "good" }], unreadable: [{ id: "bad" }] });
    expect(await store.delete("bad")).toBe(true);
    expect(await store.list()).toMatchObject({ items: [{ id: "good" }], unreadable: [] });
    expect((await store.create({ title: "Anew" }, { id: "bad" })).created).toBe(true);
  });
}
