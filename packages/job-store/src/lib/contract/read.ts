import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, STATUSES } from "./definitions.js";
import { manyIds } from "./expectations.js";

export function read({ test }: Context): void {
  test("an id that was never created is null", async ({ store }) => {
    expect(await store.get("a")).toBeNull();
    await store.create({ title: "One" }, { id: "b" });
    expect(await store.get("a")).toBeNull();
  });

  for (const status of STATUSES) {
    test(`a job in ${status} reads as the call that brought it there answered`, async ({ store, stores }) => {
      const job = await jobIn(store, status, "a");
      expect(await store.get("a")).toEqual(job);
      expect(await stores.openApart().get("a")).toEqual(job);
    });
  }

  test("getMany answers in the order of the ids, null for each that is absent, duplicates included", async ({
    store,
  }) => {
    const one = await jobIn(store, "waiting", "one");
    const two = await jobIn(store, "done", "two");
    expect(await store.getMany(["two", "none", "one", "two", "none"])).toEqual([two, null, one, two, null]);
    expect(await store.getMany([])).toEqual([]);
  });

  test("getMany takes hundreds of ids", async ({ store }) => {
    const ids = manyIds(500);
    await store.createMany(ids.filter((_, index) => index % 2 === 0).map((id) => ({ data: { title: id }, id })));
    const jobs = await store.getMany(ids);
    expect(jobs.map((job) => job?.id ?? null)).toEqual(ids.map((id, index) => (index % 2 === 0 ? id : null)));
  });

  test("ids are told apart by case and by every character", async ({ store }) => {
    const ids = ["a", "A", "a.", "a-", "a_", "aa", ".", "-", "..", "0", "00"];
    await store.createMany(ids.map((id) => ({ data: { title: `<${id}>` }, id })));
    expect((await store.getMany(ids)).map((job) => job?.data.title)).toEqual(ids.map((id) => `<${id}>`));
  });

  test("a snapshot is the job as it was: later changes leave it alone", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const copy = structuredClone(job);
    await store.updateStatus("a", "working", { progress: { done: 1 } });
    expect(job).toEqual(copy);
  });
}
