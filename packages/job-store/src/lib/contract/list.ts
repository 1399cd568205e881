import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type JobStore, type ListQuery, type Page } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report, STATUSES, type Status } from "./definitions.js";
import { collect, expectRefusal, idsOf, manyIds } from "./expectations.js";

/** Creates five jobs in the order a, b, c, d, e. They enter their statuses in the order e, d, c, b, a. */
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
  test("the list of an empty store is one empty page", async ({ store }) => {
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

  test("a page has at most `limit` jobs, 50 by default", async ({ store }) => {
    await store.createMany(Array.from({ length: 60 }, () => ({ data: { title: "One" } })));
    expect((await store.list()).items).toHaveLength(50);
    expect((await store.list({ limit: 1 })).items).toHaveLength(1);
    expect((await store.list({ limit: 1000, status: "waiting" })).items).toHaveLength(60);
  });

  test("a page with the last job has no cursor", async ({ store }) => {
    await fill(store);
    expect((await store.list({ limit: 5 })).cursor).toBeUndefined();
    expect((await store.list({ limit: 2, status: "working" })).cursor).toBeUndefined();
    expect((await store.list({ limit: 4 })).cursor).toBeTypeOf("string");
  });

  test("a job is listed in its current status and in no other", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    for (const status of ["working", "checking", "done"] as const) {
      await store.updateStatus("a", status);
      for (const one of STATUSES) {
        expect(idsOf((await store.list({ status: one })).items)).toEqual(one === status ? ["a"] : []);
      }
    }
  });

  test("re-entry makes a job the newest in its status, and does not change the order of creation", async ({
    store,
  }) => {
    await fill(store);
    await store.updateStatus("e", "working");
    expect(idsOf((await store.list({ status: "working" })).items)).toEqual(["e", "b"]);
    await store.updateStatus("a", "working");
    expect(idsOf((await store.list()).items)).toEqual(["e", "d", "c", "b", "a"]);
  });

  test("an invalid query is INVALID_ARGUMENT", async ({ store }) => {
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

/** Reads all pages and calls a function between them. */
async function pages(
  store: JobStore<Report>,
  query: ListQuery<Report>,
  between: (page: Page<Report>, number: number) => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let number = 0; ; number++) {
    const page: Page<Report> = await store.list({ ...query, cursor });
    seen.push(...idsOf(page.items));
    cursor = page.cursor;
    if (cursor === undefined) return seen;
    await between(page, number);
  }
}

/** Saves jobs that were created, and entered working, at intervals of one millisecond, long ago. */
async function row(store: JobStore<Report>, ids: readonly string[]): Promise<void> {
  await Promise.all(
    ids.map((id, index) => {
      const at = new Date(1_000_000 + index);
      return store.save(imported(id, { status: "working", createdAt: at, statusAt: at, updatedAt: at }));
    }),
  );
}

export function cursors({ test }: Context): void {
  const ids = manyIds(23);
  for (const order of ["newest", "oldest"] as const) {
    for (const status of [undefined, "working", ["working", "done"]] as const) {
      const which = status === undefined ? "all" : `${status}`;
      const query = { order, status, limit: 5 };

      test(`${which}, ${order} first: page by page, each job once`, async ({ store }) => {
        await row(store, ids);
        expect(await pages(store, query)).toEqual(order === "oldest" ? ids : ids.toReversed());
      });

      test(`${which}, ${order} first: jobs that are created, deleted and moved between pages do not affect other jobs`, async ({
        store,
      }) => {
        await row(store, ids);
        // Every third job stays. Of the others, one is deleted and one is moved, before or after the page.
        const staying = ids.filter((_, index) => index % 3 === 0);
        const seen = await pages(store, query, async (_, number) => {
          await store.create({ title: "New" }, { id: `new-${number}` });
          await store.delete(ids[(number * 6 + 1) % 23] as string);
          const moving = ids[(number * 6 + 2) % 23] as string;
          if ((await store.get(moving))?.status === "working") await store.updateStatus(moving, "failed");
        });
        expect(seen.filter((id) => staying.includes(id)).sort()).toEqual(staying);
        expect(new Set(seen).size).toBe(seen.length);
      });

      test(`${which}, ${order} first: the job at the cursor can be deleted`, async ({ store }) => {
        await row(store, ids);
        const seen = await pages(store, query, (page) => store.delete(page.items.at(-1)?.id ?? "none"));
        expect(seen).toEqual(order === "oldest" ? ids : ids.toReversed());
      });
    }
  }

  test("a cursor is valid in another store object and with another limit", async ({ store, stores }) => {
    await row(store, ids);
    const first = await store.list({ order: "oldest", limit: 4 });
    await store.close();
    const rest = await stores.openApart().list({ order: "oldest", limit: 1000, cursor: first.cursor });
    expect([...idsOf(first.items), ...idsOf(rest.items)]).toEqual(ids);
    expect(rest.cursor).toBeUndefined();
  });

  test("the same statuses in another order are the same query", async ({ store }) => {
    await row(store, ids);
    const { cursor } = await store.list({ status: ["working", "done"], limit: 20 });
    expect((await store.list({ status: ["done", "working"], limit: 20, cursor })).items).toHaveLength(3);
  });

  test("a cursor that does not come from a page of this query is INVALID_ARGUMENT", async ({ store }) => {
    await row(store, ids);
    const { cursor } = await store.list({ limit: 5 });
    const foreign: readonly ListQuery<Report>[] = [
      { cursor, status: "working" },
      { cursor, status: ["working"] },
      { cursor, order: "oldest" },
      { cursor, after: new Date(1) },
      { cursor, before: new Date(2_000_000) },
    ];
    for (const query of foreign) await expectRefusal(store.list(query), "INVALID_ARGUMENT");
    const garbage = ["", "0", "garbage", "W10", "bnVsbA", "🦊", `${cursor}x`, "x".repeat(100_000), 7, {}, [], null];
    for (const one of garbage) await expectRefusal(store.list({ cursor: one as string }), "INVALID_ARGUMENT");
  });

  test("the cursors of a query with hundreds of statuses are valid", async ({ stores }) => {
    const names = Array.from({ length: 300 }, (_, n) => `waiting-for-the-supplier-with-number-${n}`);
    const statuses = Object.fromEntries(names.map((name) => [name, { next: [] }]));
    const order = defineJob({ name: "order", data: z.null(), initial: names[0] as string, statuses });
    const store = stores.openFor(order);
    for (const id of ["a", "b"]) await store.create(null, { id });
    const first = await store.list({ status: names, limit: 1 });
    const second = await store.list({ status: names, limit: 1, cursor: first.cursor });
    expect([...first.items, ...second.items].map(({ id }) => id).toSorted()).toEqual(["a", "b"]);
  });

  test("a job that enters the status between pages is listed at most once", async ({ store }) => {
    await row(store, ids);
    await jobIn(store, "waiting", "late");
    const seen = await pages(store, { status: "working", order: "oldest", limit: 5 }, async (_, number) => {
      if (number === 1) await store.updateStatus("late", "working");
    });
    expect(seen).toEqual([...ids, "late"]);
  });
}

const MOMENT = new Date(1_700_000_000_000);

/** Saves jobs that were created, and entered their status, in the same millisecond. */
function tie(store: JobStore<Report>, ids: readonly string[], status: Status = "working"): Promise<unknown> {
  const times = { createdAt: MOMENT, statusAt: MOMENT, updatedAt: MOMENT };
  return Promise.all(ids.map((id) => store.save(imported(id, { status, ...times }))));
}

/** Tests of jobs with the same time, for example after createMany. Their order is the order of their ids. */
export function ties({ test }: Context): void {
  const ids = manyIds(300);
  for (const order of ["newest", "oldest"] as const) {
    for (const status of [undefined, "working", ["working", "checking"]] as const) {
      test(`hundreds of jobs of one millisecond: ${status ?? "all"}, ${order} first, each job once, in the order of ids`, async ({
        store,
      }) => {
        await tie(store, ids);
        const expected = order === "oldest" ? ids : ids.toReversed();
        expect(idsOf(await collect(store.scan({ order, status, limit: 7 })))).toEqual(expected);
        expect(idsOf((await store.list({ order, status, limit: 1000 })).items)).toEqual(expected);
      });
    }
  }

  test("ids are ordered by their characters, not by the rules of a language", async ({ store }) => {
    const mixed = ["-", ".", "0", "10", "2", "A", "B", "Z", "_", "a", "aB", "aa", "ab", "b", "z"];
    await tie(store, mixed.toReversed());
    expect(idsOf(await collect(store.scan({ order: "oldest", limit: 2 })))).toEqual(mixed);
    expect(idsOf(await collect(store.scan({ status: "working", limit: 2 })))).toEqual(mixed.toReversed());
  });

  test("jobs of several statuses with the same time are ordered by id", async ({ store }) => {
    await tie(store, ["a", "c", "e"], "working");
    await tie(store, ["b", "d", "f"], "checking");
    const query = { status: ["checking", "working"], order: "oldest", limit: 2 } as const;
    expect(idsOf(await collect(store.scan(query)))).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("bounds equal to the time exclude all jobs, and bounds around the time exclude none", async ({ store }) => {
    await tie(store, ids.slice(0, 20));
    const [before, after] = [new Date(MOMENT.getTime() - 1), new Date(MOMENT.getTime() + 1)];
    for (const status of [undefined, "working"] as const) {
      expect((await store.list({ status, after: MOMENT })).items).toEqual([]);
      expect((await store.list({ status, before: MOMENT })).items).toEqual([]);
      expect((await store.list({ status, after: before, before: after })).items).toHaveLength(20);
    }
  });

  test("deleting jobs of the same millisecond between pages does not skip other jobs", async ({ store }) => {
    await tie(store, ids.slice(0, 60));
    const seen: string[] = [];
    for await (const { id } of store.scan({ status: "working", order: "oldest", limit: 4 })) {
      seen.push(id);
      await store.delete(id);
    }
    expect(seen).toEqual(ids.slice(0, 60));
  });
}

export function scan({ test }: Context): void {
  test("without a status: a job that exists during the whole scan is returned exactly once while all jobs change", async ({
    store,
    stores,
  }) => {
    const ids = manyIds(120);
    await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    const mover = stores.openApart();
    const seen: string[] = [];
    let turn = 0;
    for await (const { id } of store.scan({ limit: 9 })) {
      seen.push(id);
      // Three changes per returned job, so that much changes between two pages.
      for (let moves = 0; moves < 3; moves++) {
        await mover.updateStatus(ids[turn++ % ids.length] as string, "working");
      }
      if (turn % 10 === 0) await mover.create({ title: "New" });
    }
    expect(seen.filter((id) => ids.includes(id)).sort()).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("with a status: a job that stays in it is returned exactly once", async ({ store }) => {
    const ids = manyIds(60);
    await Promise.all(ids.map((id) => jobIn(store, "working", id)));
    const staying = ids.filter((_, index) => index % 2 === 0);
    const leaving = ids.filter((_, index) => index % 2 === 1);
    const seen: string[] = [];
    for await (const { id, status } of store.scan({ status: "working", limit: 7 })) {
      expect(status).toBe("working");
      seen.push(id);
      const leaver = leaving.pop();
      if (leaver !== undefined) await store.updateStatus(leaver, "done");
    }
    expect(seen.filter((id) => staying.includes(id)).sort()).toEqual(staying);
  });

  test("with a status: a job that stays in it is returned exactly once while other jobs re-enter it", async ({
    store,
    stores,
  }) => {
    const ids = manyIds(40);
    for (const id of ids) await jobIn(store, "working", id);
    const staying = ids.filter((_, index) => index % 2 === 0);
    const moving = ids.filter((_, index) => index % 2 === 1);
    const mover = stores.openApart();
    let scanning = true;
    const movement = (async () => {
      while (scanning) await Promise.all(moving.map((id) => mover.updateStatus(id, "working")));
    })();
    try {
      for (const order of ["oldest", "newest"] as const) {
        for (const limit of [1, 3]) {
          const seen: string[] = [];
          for await (const { id } of store.scan({ status: "working", order, limit })) {
            if (staying.includes(id)) seen.push(id);
            // Jobs that re-enter the status are always the newest. Without an upper bound, an ascending scan would never end.
            if (order === "oldest" && seen.length === staying.length) break;
          }
          expect(order === "oldest" ? seen : seen.toReversed()).toEqual(staying);
        }
      }
    } finally {
      scanning = false;
      await movement;
    }
  });

  test("every page size returns the same jobs", async ({ store }) => {
    const statuses: readonly Status[] = ["waiting", "working", "done"];
    for (const id of manyIds(12)) await jobIn(store, statuses[Number(id.slice(-1)) % 3] as Status, id);
    const all = idsOf(await collect(store.scan()));
    expect(all).toHaveLength(12);
    for (const limit of [1, 5, 11, 12, 13]) expect(idsOf(await collect(store.scan({ limit })))).toEqual(all);
  });

  test("a scan ends without an error if the signal aborts, before it begins or within a page", async ({ store }) => {
    await store.createMany(manyIds(20).map((id) => ({ data: { title: id }, id })));
    expect(await collect(store.scan({ signal: AbortSignal.abort() }))).toEqual([]);
    const end = new AbortController();
    const seen: string[] = [];
    for await (const { id } of store.scan({ limit: 5, signal: end.signal })) {
      seen.push(id);
      if (seen.length === 7) end.abort();
    }
    expect(seen).toHaveLength(7);
  });

  test("a scan can be stopped at any time and started again", async ({ store }) => {
    await store.createMany(manyIds(20).map((id) => ({ data: { title: id }, id })));
    for await (const { id } of store.scan({ limit: 3 })) if (id.endsWith("9")) break;
    expect(await collect(store.scan({ limit: 3 }))).toHaveLength(20);
  });
}
