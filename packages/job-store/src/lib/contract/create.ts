import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, STATUSES, step } from "./definitions.js";
import { expectRefusal, view } from "./expectations.js";

export function create({ test }: Context): void {
  test("a new job stands in the initial status at version 1, attempt 1", async ({ store }) => {
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
      history: [{ from: null, to: "waiting", at: job.createdAt, version: 1, by: "client" }],
    });
    expect(await store.get("a")).toEqual(job);
  });

  test("its times are those of now", async ({ store }) => {
    const { job } = await store.create({ title: "Quarterly" });
    // The storage's clock may differ from this one, but not by an hour.
    expect(Math.abs(job.createdAt.getTime() - Date.now())).toBeLessThan(3_600_000);
  });

  test("without an id it gets one of its own, ascending with time", async ({ store }) => {
    const first = await store.create({ title: "One" });
    const second = await store.create({ title: "Two" });
    expect(first.job.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(second.job.id > first.job.id).toBe(true);
    expect(await store.get(first.job.id)).toEqual(first.job);
  });

  test("options given as undefined count as left out", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: undefined, by: undefined, outbox: undefined });
    expect(job.history).toEqual([{ from: null, to: "waiting", at: job.createdAt, version: 1 }]);
  });

  for (const status of STATUSES) {
    test(`creating an id that stands in ${status} writes nothing and answers with the stored job`, async ({
      store,
    }) => {
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

  test("a deleted id can be created anew, as another job", async ({ store }) => {
    await jobIn(store, "working", "a");
    await store.delete("a");
    const { created, job } = await store.create({ title: "Another" }, { id: "a" });
    expect(created).toBe(true);
    expect(job).toMatchObject({ version: 1, attempt: 1, status: "waiting", data: { title: "Another" } });
    expect(job.history).toHaveLength(1);
  });

  test("data that the schema refuses is INVALID_DATA, with its place, and nothing is stored", async ({ store }) => {
    await expectRefusal(store.create({ title: "" }, { id: "a" }), "INVALID_DATA", {
      jobId: "a",
      issues: [{ path: ["title"], message: expect.any(String) }],
    });
    await expectRefusal(store.create({ title: 7 as never }), "INVALID_DATA");
    await expectRefusal(store.create(undefined as never), "INVALID_DATA");
    expect((await store.list()).items).toEqual([]);
  });

  test("the schema's output is what is stored: unknown keys are gone", async ({ store }) => {
    const { job } = await store.create({ title: "One", stray: true } as never);
    expect(job.data).toEqual({ title: "One" });
  });

  test("the store keeps no hold on the caller's object, nor the caller on the store's", async ({ store }) => {
    const body = { pages: [1] };
    const { job } = await store.create({ title: "One", body }, { id: "a" });
    body.pages.push(2);
    expect(job.data.body).toEqual({ pages: [1] });
    (job.data.body as typeof body).pages.push(3);
    (job.history as unknown[]).push("a stranger");
    expect((await store.get("a"))?.data.body).toEqual({ pages: [1] });
    expect((await step(store, "a", "working")).history).toHaveLength(2);
  });

  test("options of the wrong kind are INVALID_ARGUMENT", async ({ store }) => {
    await expectRefusal(store.create({ title: "One" }, { by: 7 as never }), "INVALID_ARGUMENT");
    await expectRefusal(store.create({ title: "One" }, { outbox: {} as never }), "INVALID_ARGUMENT");
    expect((await store.list()).items).toEqual([]);
  });
}
