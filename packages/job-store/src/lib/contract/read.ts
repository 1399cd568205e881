import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type Job, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, next, type Report, report, STATUSES, type Status, step, strictReport } from "./definitions.js";
import { collect, expectRefusal, idsOf, manyIds } from "./expectations.js";

export function read({ test }: Context): void {
  test("the job of an unknown id is null", async ({ store }) => {
    expect(await store.get("a")).toBeNull();
    await store.create({ title: "One" }, { id: "b" });
    expect(await store.get("a")).toBeNull();
  });

  for (const status of STATUSES) {
    test(`get returns a job in ${status} as the last change returned it`, async ({ store, stores }) => {
      const job = await jobIn(store, status, "a");
      expect(await store.get("a")).toEqual(job);
      expect(await stores.openApart().get("a")).toEqual(job);
    });
  }

  test("getMany returns jobs in the order of the ids, with null for absent ones, duplicates included", async ({
    store,
  }) => {
    const one = await jobIn(store, "waiting", "one");
    const two = await jobIn(store, "done", "two");
    expect(await store.getMany(["two", "none", "one", "two", "none"])).toEqual([two, null, one, two, null]);
    expect(await store.getMany([])).toEqual([]);
  });

  test("getMany accepts hundreds of ids", async ({ store }) => {
    const ids = manyIds(500);
    await store.createMany(ids.filter((_, index) => index % 2 === 0).map((id) => ({ data: { title: id }, id })));
    const jobs = await store.getMany(ids);
    expect(jobs.map((job) => job?.id ?? null)).toEqual(ids.map((id, index) => (index % 2 === 0 ? id : null)));
  });

  test("ids are distinguished by case and by every character", async ({ store }) => {
    const ids = ["a", "A", "a.", "a-", "a_", "aa", ".", "-", "..", "0", "00"];
    await store.createMany(ids.map((id) => ({ data: { title: `<${id}>` }, id })));
    expect((await store.getMany(ids)).map((job) => job?.data.title)).toEqual(ids.map((id) => `<${id}>`));
  });

  test("later changes do not change a snapshot", async ({ store }) => {
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

  test("two readers of a job share no objects", async ({ store }) => {
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
const TIMES = ["createdAt", "updatedAt", "statusAt", "expiresAt", "leasedUntil"];

/** Expects a job to be plain data: JSON, a spread, `structuredClone` and a comparison treat it like an object literal. */
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

const ZERO_COUNTS = Object.fromEntries(STATUSES.map((status) => [status, 0]));

export function counts({ test }: Context): void {
  test("counts have every status from the beginning", async ({ store }) => {
    expect(await store.counts()).toEqual(ZERO_COUNTS);
    expect(Object.keys(await store.counts())).toEqual(STATUSES);
  });

  test("counts follow every transition of a job", async ({ store }) => {
    for (const status of STATUSES) {
      const job = await jobIn(store, status);
      expect(await store.counts()).toEqual({ ...ZERO_COUNTS, [status]: 1 });
      for (const to of next(status)) {
        const copy = await jobIn(store, status);
        await step(store, copy.id, to);
        expect(await store.counts()).toEqual(
          to === status ? { ...ZERO_COUNTS, [to]: 2 } : { ...ZERO_COUNTS, [status]: 1, [to]: 1 },
        );
        await store.delete(copy.id);
      }
      await store.delete(job);
    }
    expect(await store.counts()).toEqual(ZERO_COUNTS);
  });

  test("after hundreds of concurrent changes, counts equal the list", async ({ store, stores }) => {
    const ids = manyIds(200);
    await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    const other = stores.openApart();
    const shuffled: readonly Status[] = ["working", "failed", "working", "done", "checking", "waiting", "abandoned"];
    await Promise.allSettled(
      ids.flatMap((id, index) =>
        shuffled.slice(index % 4).map((to, turn) => step(turn % 2 === 0 ? store : other, id, to)),
      ),
    );
    await store.deleteMany(ids.filter((_, index) => index % 5 === 0));
    const jobs = (await store.list({ limit: 1000 })).items;
    const tally: Record<string, number> = { ...ZERO_COUNTS };
    for (const { status } of jobs) tally[status] = (tally[status] ?? 0) + 1;
    expect(jobs).toHaveLength(160);
    expect(await store.counts()).toEqual(tally);
    expect(await other.counts()).toEqual(tally);
  });

  test("rejected and duplicate calls are not counted", async ({ store }) => {
    await jobIn(store, "done", "a");
    await Promise.allSettled([
      store.create({ title: "Again" }, { id: "a" }),
      store.updateStatus("a", "done"),
      store.updateStatus("a", "working"),
      store.updateStatus("b", "working"),
      store.create({ title: "" }),
    ]);
    expect(await store.counts()).toEqual({ ...ZERO_COUNTS, done: 1 });
  });
}

/** Creates two jobs: "good" matches the strict schema, and "bad" does not. */
async function fillUnreadable(store: JobStore<Report>): Promise<void> {
  await store.create({ title: "Short" }, { id: "good" });
  await store.create({ title: "Much too long" }, { id: "bad" });
}

export function unreadable({ test }: Context): void {
  test("a record that does not match the schema is UNREADABLE_RECORD with the id", async ({ store, stores }) => {
    await fillUnreadable(store);
    const strict = stores.openFor(strictReport);
    const { message } = await expectRefusal(strict.get("bad"), "UNREADABLE_RECORD", { jobId: "bad" });
    await expectRefusal(strict.getMany(["good", "bad"]), "UNREADABLE_RECORD", { jobId: "bad" });
    await expectRefusal(strict.create({ title: "Again" }, { id: "bad" }), "UNREADABLE_RECORD", { jobId: "bad" });
    await expectRefusal(collect(strict.scan()), "UNREADABLE_RECORD", { jobId: "bad", message });
    expect((await strict.get("good"))?.data).toEqual({ title: "Short" });
  });

  test("list returns such a record in `unreadable`, with the reason", async ({ store, stores }) => {
    await fillUnreadable(store);
    const strict = stores.openFor(strictReport);
    for (const query of [{}, { status: "waiting" }, { order: "oldest", limit: 2 }] as const) {
      const page = await strict.list(query);
      expect(idsOf(page.items as never)).toEqual(["good"]);
      expect(page.unreadable).toEqual([{ id: "bad", reason: expect.stringContaining("title") }]);
    }
    expect((await strict.counts()).waiting).toBe(2);
  });

  test("a page with only such records has a cursor", async ({ store, stores }) => {
    await fillUnreadable(store);
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

  test("the error of a write that was made has committed: true", async ({ store, stores }) => {
    await fillUnreadable(store);
    const strict = stores.openFor(strictReport);
    const error = await expectRefusal(strict.updateStatus("bad", "working"), "UNREADABLE_RECORD", {
      jobId: "bad",
      committed: true,
    });
    expect(error.message).toContain("made");
    expect(await store.get("bad")).toMatchObject({ status: "working", version: 2 });
  });

  test("the error of a call that wrote nothing does not have committed: true", async ({ store, stores }) => {
    await fillUnreadable(store);
    await store.updateStatus("bad", "failed");
    const strict = stores.openFor(strictReport);
    const same = await expectRefusal(strict.updateStatus("bad", "failed"), "UNREADABLE_RECORD", { jobId: "bad" });
    const exists = await expectRefusal(strict.create({ title: "Again" }, { id: "bad" }), "UNREADABLE_RECORD");
    expect([same.committed, exists.committed]).not.toContain(true);
    expect((await store.get("bad"))?.version).toBe(2);
  });

  test("progress and result are also checked against their schemas", async ({ store, stores }) => {
    await store.create({ title: "Short" }, { id: "a" });
    await store.updateProgress("a", { done: 50 });
    const strict = stores.openFor(strictReport);
    await expectRefusal(strict.get("a"), "UNREADABLE_RECORD", { jobId: "a" });
    await store.updateStatus("a", "working", { progress: null, result: { url: "no url" } });
    await expectRefusal(strict.get("a"), "UNREADABLE_RECORD", { jobId: "a" });
    await store.updateStatus("a", "failed", { result: { url: "https://reports.test/a" } });
    expect(await strict.get("a")).toMatchObject({ status: "failed" });
  });

  test("calls that read no record succeed: progress, deletion, counts", async ({ store, stores }) => {
    await fillUnreadable(store);
    const strict = stores.openFor(strictReport);
    await strict.updateProgress("bad", { done: 1 });
    expect((await store.get("bad"))?.progress).toEqual({ done: 1 });
    expect(await strict.delete("bad")).toBe(true);
    expect((await strict.counts()).waiting).toBe(1);
  });

  test("validateReads: false returns the stored values unchecked", async ({ store, stores }) => {
    await fillUnreadable(store);
    const trusting = stores.openFor(strictReport, { validateReads: false });
    expect((await trusting.get("bad"))?.data).toEqual({ title: "Much too long" });
    expect(await trusting.updateStatus("bad", "working")).toMatchObject({ version: 2 });
    expect(await trusting.list()).toMatchObject({ unreadable: [] });
    await expectRefusal(trusting.create({ title: "Much too long" }), "INVALID_DATA");
  });

  test("a stored value that is not a record is unreadable, and affects no other job", async ({
    store,
    underTest,
    skip,
  }) => {
    if (underTest.corrupt === undefined) return skip("this driver's records cannot be tampered with");
    await jobIn(store, "waiting", "good");
    const snapshot = await jobIn(store, "waiting", "bad");
    await underTest.corrupt("bad");
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

/** Definition of the same job type in a newer release, with more properties and one more status. */
const newer = defineJob({
  ...report,
  data: z.object({ title: z.string(), pages: z.number().default(1), cover: z.string().optional() }),
  result: z.object({ url: z.string(), pages: z.number().optional() }),
  progress: z.object({ done: z.number(), of: z.number().optional() }),
  statuses: { ...report.statuses, archived: { next: [], final: true } },
  index: { cover: ({ cover }) => cover },
});

export function schemaChange({ test }: Context): void {
  test("a newer schema reads data of an older one, with defaults", async ({ store, stores }) => {
    await store.create({ title: "Old" }, { id: "a" });
    const after = stores.openFor(newer);
    expect((await after.get("a"))?.data).toEqual({ title: "Old", pages: 1 });
    expect((await after.list()).items.map(({ data }) => data)).toEqual([{ title: "Old", pages: 1 }]);
    expect(await after.updateStatus("a", "working")).toMatchObject({ version: 2, data: { pages: 1 } });
  });

  test("properties that only a newer service declares are kept when an older service changes status and progress", async ({
    store,
    stores,
  }) => {
    const after = stores.openFor(newer);
    await after.create({ title: "New", pages: 7, cover: "red" }, { id: "a" });
    await after.updateStatus("a", "working", { result: { url: "u", pages: 7 }, progress: { done: 1, of: 7 } });

    const seen = await store.get("a");
    expect(seen).toMatchObject({ data: { title: "New" }, result: { url: "u" }, progress: { done: 1 } });
    await store.updateStatus("a", "checking");
    expect(await after.get("a")).toMatchObject({
      ...{ status: "checking", data: { title: "New", pages: 7, cover: "red" } },
      ...{ result: { url: "u", pages: 7 }, progress: { done: 1, of: 7 } },
    });
    await store.updateProgress("a", { done: 2 });
    expect((await after.get("a"))?.data).toEqual({ title: "New", pages: 7, cover: "red" });
    expect((await after.list({ where: { cover: "red" } })).items).toMatchObject([{ id: "a", status: "checking" }]);
  });

  test("a job in a status that an older service does not declare is unreadable there, and is not changed", async ({
    store,
    stores,
  }) => {
    const after = stores.openFor(newer);
    const { job } = await after.create({ title: "New" }, { id: "a" });
    await after.save({ ...job, status: "archived" });
    expect(await store.list()).toMatchObject({ items: [], unreadable: [{ id: "a" }] });
    await expect(store.updateStatus("a", "working")).rejects.toMatchObject({ code: expect.any(String), jobId: "a" });
    expect(await after.get("a")).toMatchObject({ status: "archived", version: 2 });
  });
}
