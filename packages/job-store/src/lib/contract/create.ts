import { expect } from "vitest";
import type { Context } from "./context.js";
import { imported, jobIn, STATUSES, step } from "./definitions.js";
import { expectRefusal, manyIds, view } from "./expectations.js";

export function create({ test }: Context): void {
  test("a new job is in the initial status, with version 1 and attempt 1", async ({ store }) => {
    const { created, job } = await store.create({ title: "Quarterly", body: [1, "two"] }, { id: "a", by: "client" });
    expect(created).toBe(true);
    expect(job).toEqual({
      id: "a",
      status: "waiting",
      version: 1,
      attempt: 1,
      data: { title: "Quarterly", body: [1, "two"] },
      progress: null,
      result: null,
      error: null,
      createdAt: expect.any(Date),
      updatedAt: job.createdAt,
      statusAt: job.createdAt,
      expiresAt: null,
      leasedUntil: null,
      history: [{ from: null, to: "waiting", at: job.createdAt, version: 1, by: "client" }],
    });
    expect(await store.get("a")).toEqual(job);
  });

  test("the times of a new job are the current time", async ({ store }) => {
    const { job } = await store.create({ title: "Quarterly" });
    // The storage's clock can differ from this clock, but not by an hour.
    expect(Math.abs(job.createdAt.getTime() - Date.now())).toBeLessThan(3_600_000);
  });

  test("a job without an id gets one, in ascending order of time", async ({ store }) => {
    const first = await store.create({ title: "One" });
    const second = await store.create({ title: "Two" });
    expect(first.job.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(second.job.id > first.job.id).toBe(true);
    expect(await store.get(first.job.id)).toEqual(first.job);
  });

  test("options that are undefined are ignored", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: undefined, by: undefined, outbox: undefined });
    expect(job.history).toEqual([{ from: null, to: "waiting", at: job.createdAt, version: 1 }]);
  });

  for (const status of STATUSES) {
    test(`create with the id of a job in ${status} writes nothing and returns the stored job`, async ({ store }) => {
      await jobIn(store, status, "a");
      const before = await view(store);
      const again = await store.create(
        { title: "Another" },
        { id: "a", by: "someone", outbox: [{ queue: "reports", payload: {} }] },
      );
      expect(again).toEqual({ created: false, job: before.jobs[0] });
      expect(await view(store)).toEqual(before);
    });
  }

  test("the id of a deleted job can be used for another job", async ({ store }) => {
    await jobIn(store, "working", "a");
    await store.delete("a");
    const { created, job } = await store.create({ title: "Another" }, { id: "a" });
    expect(created).toBe(true);
    expect(job).toMatchObject({ version: 1, attempt: 1, status: "waiting", data: { title: "Another" } });
    expect(job.history).toHaveLength(1);
  });

  test("data that the schema rejects is INVALID_DATA, with its path, and nothing is stored", async ({ store }) => {
    await expectRefusal(store.create({ title: "" }, { id: "a" }), "INVALID_DATA", {
      jobId: "a",
      issues: [{ path: ["title"], message: expect.any(String) }],
    });
    await expectRefusal(store.create({ title: 7 as never }), "INVALID_DATA");
    await expectRefusal(store.create(undefined as never), "INVALID_DATA");
    expect((await store.list()).items).toEqual([]);
  });

  test("the output of the schema is stored, without unknown keys", async ({ store }) => {
    const { job } = await store.create({ title: "One", stray: true } as never);
    expect(job.data).toEqual({ title: "One" });
  });

  test("the store and the caller share no objects", async ({ store }) => {
    const body = { pages: [1] };
    const { job } = await store.create({ title: "One", body }, { id: "a" });
    body.pages.push(2);
    expect(job.data.body).toEqual({ pages: [1] });
    (job.data.body as typeof body).pages.push(3);
    (job.history as unknown[]).push("an unknown entry");
    expect((await store.get("a"))?.data.body).toEqual({ pages: [1] });
    expect((await step(store, "a", "working")).history).toHaveLength(2);
  });

  test("options of the wrong kind are INVALID_ARGUMENT", async ({ store }) => {
    await expectRefusal(store.create({ title: "One" }, { by: 7 as never }), "INVALID_ARGUMENT");
    await expectRefusal(store.create({ title: "One" }, { outbox: {} as never }), "INVALID_ARGUMENT");
    expect((await store.list()).items).toEqual([]);
  });
}

const cyclic: { self?: unknown } = {};
cyclic.self = [cyclic];

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

/** Values that JSON omits, changes or cannot represent. */
const NOT_JSON: Readonly<Record<string, unknown>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "a Date": new Date(0),
  "a bigint": 1n,
  "a function": () => 1,
  "a symbol": Symbol("a"),
  "a Map": new Map([["a", 1]]),
  "a Set": new Set([1]),
  "a RegExp": /a/,
  "a typed array": new Uint8Array(2),
  "an instance of a class": new (class Point {
    x = 1;
  })(),
  "undefined in an array": [1, undefined],
  "a hole in an array": new Array(2),
  "a cycle": cyclic,
  "10,000 levels": deep(10_000),
  "an object with toJSON": { toJSON: () => "sneaky" },
  "an object with a hidden toJSON": Object.defineProperty({ a: 1 }, "toJSON", { value: () => "sneaky" }),
};

export function notJson({ test }: Context): void {
  for (const [name, value] of Object.entries(NOT_JSON)) {
    test(`${name}: is INVALID_DATA with its path in every argument, and nothing changes`, async ({ store }) => {
      await jobIn(store, "working", "a");
      const before = await view(store);
      const body = { list: [value] } as never;
      const refusals = [
        store.create({ title: "One", body }, { id: "b" }),
        store.updateStatus("a", "done", { result: { url: "x", body } }),
        store.updateStatus("a", "done", { progress: { done: 1, body } }),
        store.updateProgress("a", { done: 1, body }),
        store.save(imported("b", { data: { title: "One", body } })),
      ];
      for (const refusal of refusals) {
        const { issues } = await expectRefusal(refusal, "INVALID_DATA");
        expect(issues).toEqual([{ path: expect.arrayContaining(["body", "list", 0]), message: expect.any(String) }]);
      }
      const outbox = [{ queue: "reports", payload: body }];
      const { issues } = await expectRefusal(store.updateStatus("a", "done", { outbox }), "INVALID_DATA", {
        jobId: "a",
      });
      expect(issues?.[0]?.path.slice(0, 2)).toEqual(["list", 0]);
      expect(await view(store)).toEqual(before);
    });
  }
}

export function createMany({ test }: Context): void {
  test("createMany creates or rejects each job independently, in the given order", async ({ store }) => {
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

  test("createMany with the same id several times creates one job and returns it for the others", async ({ store }) => {
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

  test("createMany accepts no jobs, and hundreds of jobs", async ({ store }) => {
    expect(await store.createMany([])).toEqual([]);
    const ids = manyIds(600);
    const outcomes = await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    const created = outcomes.map((outcome) => outcome.status === "fulfilled" && outcome.value.created);
    expect(created).toEqual(ids.map(() => true));
    const stored = await store.getMany(ids);
    expect(stored.map((job) => job?.data.title)).toEqual(ids);
    expect((await store.counts()).waiting).toBe(600);
  });
}
