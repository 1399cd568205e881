import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn } from "./definitions.js";
import { expectRefusal, idsOf, manyIds } from "./expectations.js";

export function bulk({ test }: Context): void {
  test("createMany settles each job by itself, in the order given", async ({ store }) => {
    await jobIn(store, "working", "taken");
    const outcomes = await store.createMany([
      { data: { title: "One" }, id: "one", by: "importer" },
      { data: { title: "" }, id: "bad-data" },
      { data: { title: "Two" }, id: "taken" },
      { data: { title: "Three" }, id: "no such id!" },
      { data: { title: "Four" }, outbox: [{ queue: "reports", payload: 4 }] },
    ]);
    expect(outcomes).toEqual([
      { status: "fulfilled", value: { created: true, job: expect.objectContaining({ id: "one", version: 1 }) } },
      { status: "rejected", reason: expect.objectContaining({ code: "INVALID_DATA", jobId: "bad-data" }) },
      { status: "fulfilled", value: { created: false, job: expect.objectContaining({ status: "working" }) } },
      { status: "rejected", reason: expect.objectContaining({ code: "INVALID_ARGUMENT" }) },
      { status: "fulfilled", value: { created: true, job: expect.objectContaining({ data: { title: "Four" } }) } },
    ]);
    expect(await store.counts()).toMatchObject({ waiting: 2, working: 1 });
    expect(await store.outbox.depth()).toBe(1);
  });

  test("of one id given several times in one call, one is created and the others find it", async ({ store }) => {
    const outcomes = await store.createMany(
      ["One", "Two", "Three"].map((title) => ({
        data: { title },
        id: "a",
        outbox: [{ queue: "reports", payload: 1 }],
      })),
    );
    const values = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : null));
    expect(values.filter((value) => value?.created)).toHaveLength(1);
    expect(values[2]?.job).toEqual(values[0]?.job);
    expect(await store.outbox.depth()).toBe(1);
  });

  test("createMany takes none, and hundreds", async ({ store }) => {
    expect(await store.createMany([])).toEqual([]);
    const ids = manyIds(600);
    const outcomes = await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    const created = outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value.created);
    expect(created).toEqual(ids.map(() => true));
    const stored = await store.getMany(ids);
    expect(stored.map((job) => job?.data.title)).toEqual(ids);
    expect((await store.counts()).waiting).toBe(600);
  });

  test("deleteMany removes those there are and answers how many they were", async ({ store }) => {
    const ids = manyIds(300);
    await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    expect(await store.deleteMany(["never-made", ...ids.slice(0, 290), "nor-this"])).toBe(290);
    expect(idsOf((await store.list({ order: "oldest" })).items).sort()).toEqual(ids.slice(290));
    expect((await store.counts()).waiting).toBe(10);
    expect(await store.deleteMany([])).toBe(0);
  });

  test("an id given twice to deleteMany counts once", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    expect(await store.deleteMany(["a", "a"])).toBe(1);
  });

  test("one bad id in deleteMany deletes nothing", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    await expectRefusal(store.deleteMany(["a", "job:*"]), "INVALID_ARGUMENT");
    expect(await store.get("a")).not.toBeNull();
  });
}
