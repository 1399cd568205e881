import { expect } from "vitest";
import type { Job } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, STATUSES } from "./definitions.js";
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

  test("every call returns jobs as plain data", async ({ store }) => {
    const { job: created } = await store.create({ title: "One" }, { id: "a", by: "tests" });
    await store.updateProgress("a", { done: 1 });
    const moved = await store.updateStatus("a", "working", { by: "tests", note: "Begun", key: "1" });
    const finished = await store.updateStatus("a", "done", { result: { url: "a" }, error: { message: "Late" } });
    const jobs = [created, moved, finished, (await store.create({ title: "One" }, { id: "a" })).job];
    jobs.push(...(await store.getMany(["a"])).flatMap((job) => job ?? []), ...(await store.list()).items);
    jobs.push(...(await store.list({ status: "done" })).items, await store.save(finished));
    for (const job of jobs) expectPlainData(job);
    expect(jobs).toHaveLength(8);
  });

  test("two readers of a job share nothing", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const [one, two] = await store.getMany(["a", "a"]);
    const copy = structuredClone(two);
    one?.createdAt.setTime(0);
    one?.history[0]?.at.setTime(0);
    Object.assign(one?.data ?? {}, { title: "Changed" });
    Object.assign(one ?? {}, { status: "done" });
    expect(two).toEqual(copy);
    expect(await store.get("a")).toEqual(copy);
  });
}

const KEYS = ["id", "status", "version", "attempt", "data", "progress", "result", "error"];
const TIMES = ["createdAt", "updatedAt", "statusAt", "expiresAt"];

/** JSON, a spread, `structuredClone`, a comparison and `console.log` treat such a job like an object literal. */
function expectPlainData(job: Job<Report>): void {
  expect(Object.keys(job)).toEqual([...KEYS, ...TIMES, "history"]);
  expect({ ...job }).toStrictEqual(job);
  expect(structuredClone(job)).toStrictEqual(job);
  const text = JSON.stringify(job);
  const revived = JSON.parse(text, (key, value) => (isTime(key) && value !== null ? new Date(value) : value));
  expect(revived).toStrictEqual(job);
  for (const each of [job, ...job.history]) {
    expect(Object.getPrototypeOf(each)).toBe(Object.prototype);
    for (const property of Object.values(Object.getOwnPropertyDescriptors(each))) {
      expect(property).toHaveProperty("value");
      expect(property.enumerable).toBe(true);
    }
  }
}

function isTime(key: string): boolean {
  return key === "at" || TIMES.includes(key);
}
