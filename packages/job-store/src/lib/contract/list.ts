import { expect } from "vitest";
import type { JobStore, ListQuery } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, STATUSES, type Status } from "./definitions.js";
import { collect, expectRefusal, idsOf } from "./expectations.js";
import { imported } from "./imported.js";

/** Five jobs, created in the order a, b, c, d, e, that entered their statuses in the order e, d, c, b, a. */
async function fill(store: JobStore<Report>): Promise<void> {
  const statuses: readonly Status[] = ["waiting", "working", "waiting", "checking", "working"];
  for (const [index, status] of statuses.entries()) {
    const id = "abcde".charAt(index);
    const createdAt = new Date(1_000_000 + index);
    const statusAt = new Date(2_000_000 - index);
    await store.save(imported(id, { status, createdAt, statusAt, updatedAt: statusAt }));
  }
}

export function list({ test }: Context): void {
  test("an empty store has one empty page", async ({ store }) => {
    expect(await store.list()).toEqual({ items: [], unreadable: [] });
    expect(await store.list({ status: "done" })).toEqual({ items: [], unreadable: [] });
    expect(await collect(store.scan())).toEqual([]);
  });

  const queries: readonly { says: string; query: ListQuery<Report>; ids: string }[] = [
    { says: "by creation, newest first, unless asked otherwise", query: {}, ids: "edcba" },
    { says: "by creation, oldest first", query: { order: "oldest" }, ids: "abcde" },
    { says: "in one status, by when they entered it, newest first", query: { status: "waiting" }, ids: "ac" },
    { says: "in one status, oldest first", query: { status: "working", order: "oldest" }, ids: "eb" },
    { says: "in several statuses, in one order", query: { status: ["working", "waiting"] }, ids: "abce" },
    {
      says: "in all statuses, by when they entered them, oldest first",
      query: { status: STATUSES, order: "oldest" },
      ids: "edcba",
    },
    { says: "a status named twice counts once", query: { status: ["working", "working"] }, ids: "be" },
    { says: "no status at all: no job", query: { status: [] }, ids: "" },
    { says: "a status that no job is in", query: { status: "done" }, ids: "" },
    { says: "created after a moment, which is left out", query: { after: new Date(1_000_001) }, ids: "edc" },
    { says: "created before a moment, which is left out", query: { before: new Date(1_000_002) }, ids: "ba" },
    {
      says: "created between two moments",
      query: { after: new Date(1_000_000), before: new Date(1_000_003), order: "oldest" },
      ids: "bc",
    },
    { says: "entered after a moment", query: { status: STATUSES, after: new Date(1_999_998) }, ids: "ab" },
    { says: "entered before a moment", query: { status: STATUSES, before: new Date(1_999_998) }, ids: "de" },
    {
      says: "entered between two moments, in one status",
      query: { status: "working", after: new Date(1_999_996), before: new Date(2_000_000) },
      ids: "b",
    },
    { says: "bounds that leave nothing", query: { after: new Date(1_000_002), before: new Date(1_000_002) }, ids: "" },
    {
      says: "options given as undefined count as left out",
      query: { status: undefined, order: undefined, after: undefined, before: undefined, limit: undefined },
      ids: "edcba",
    },
  ];
  for (const { says, query, ids } of queries) {
    test(says, async ({ store }) => {
      await fill(store);
      const page = await store.list(query);
      expect(idsOf(page.items).join("")).toBe(ids);
      expect(page).toEqual({ items: await store.getMany([...ids]), unreadable: [] });
      expect(idsOf(await collect(store.scan({ ...query, limit: 1 }))).join("")).toBe(ids);
    });
  }

  test("no more than `limit`, 50 unless asked otherwise", async ({ store }) => {
    await store.createMany(Array.from({ length: 60 }, () => ({ data: { title: "One" } })));
    expect((await store.list()).items).toHaveLength(50);
    expect((await store.list({ limit: 1 })).items).toHaveLength(1);
    expect((await store.list({ limit: 1000, status: "waiting" })).items).toHaveLength(60);
  });

  test("a page that holds the last job has no cursor", async ({ store }) => {
    await fill(store);
    expect((await store.list({ limit: 5 })).cursor).toBeUndefined();
    expect((await store.list({ limit: 2, status: "working" })).cursor).toBeUndefined();
    expect((await store.list({ limit: 4 })).cursor).toBeTypeOf("string");
  });

  test("a job stands in its present status and in no other", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    for (const status of ["working", "checking", "done"] as const) {
      await store.updateStatus("a", status);
      for (const one of STATUSES) {
        expect(idsOf((await store.list({ status: one })).items)).toEqual(one === status ? ["a"] : []);
      }
    }
  });

  test("re-entry moves a job to the newer end of its status, and not in the order of creation", async ({ store }) => {
    await fill(store);
    await store.updateStatus("e", "working");
    expect(idsOf((await store.list({ status: "working" })).items)).toEqual(["e", "b"]);
    await store.updateStatus("a", "working");
    expect(idsOf((await store.list()).items)).toEqual(["e", "d", "c", "b", "a"]);
  });

  test("a query that makes no sense is INVALID_ARGUMENT", async ({ store }) => {
    const wrong: readonly object[] = [
      { limit: 0 },
      { limit: 1001 },
      { limit: 1.5 },
      { limit: Number.NaN },
      { limit: "5" },
      { order: "random" },
      { status: "unheard-of" },
      { status: ["working", "__proto__"] },
      { after: 1_000_000 },
      { before: new Date(Number.NaN) },
    ];
    for (const query of wrong) {
      await expectRefusal(store.list(query as ListQuery<Report>), "INVALID_ARGUMENT");
      await expectRefusal(collect(store.scan(query as ListQuery<Report>)), "INVALID_ARGUMENT");
    }
  });
}
