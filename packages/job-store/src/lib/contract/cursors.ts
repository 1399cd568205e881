import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type JobStore, type ListQuery, type Page } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report } from "./definitions.js";
import { expectRefusal, idsOf, manyIds } from "./expectations.js";
import { imported } from "./imported.js";

/** Goes through all pages and does something between any two. */
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

/** Jobs that were created, and entered working, one millisecond after each other, long ago. */
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

      test(`${which}, ${order} first: what is created, deleted and moved meanwhile disturbs no other`, async ({
        store,
      }) => {
        await row(store, ids);
        // Every third stays where it is; of the others one is deleted and one moved, ahead of the page or behind it.
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

      test(`${which}, ${order} first: the job at the cursor may be deleted`, async ({ store }) => {
        await row(store, ids);
        const seen = await pages(store, query, (page) => store.delete(page.items.at(-1)?.id ?? "none"));
        expect(seen).toEqual(order === "oldest" ? ids : ids.toReversed());
      });
    }
  }

  test("a cursor outlives its store, and the limit may change with it", async ({ store, stores }) => {
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

  test("a cursor that no page of this query gave out is INVALID_ARGUMENT", async ({ store }) => {
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

  test("a query of hundreds of statuses has cursors that serve", async ({ stores }) => {
    const names = Array.from({ length: 300 }, (_, n) => `waiting-for-the-supplier-with-number-${n}`);
    const statuses = Object.fromEntries(names.map((name) => [name, { next: [] }]));
    const order = defineJob({ name: "order", data: z.null(), initial: names[0] as string, statuses });
    const store = stores.openFor(order);
    for (const id of ["a", "b"]) await store.create(null, { id });
    const first = await store.list({ status: names, limit: 1 });
    const second = await store.list({ status: names, limit: 1, cursor: first.cursor });
    expect([...first.items, ...second.items].map(({ id }) => id).toSorted()).toEqual(["a", "b"]);
  });

  test("a job that enters the status meanwhile is listed at most once", async ({ store }) => {
    await row(store, ids);
    await jobIn(store, "waiting", "late");
    const seen = await pages(store, { status: "working", order: "oldest", limit: 5 }, async (_, number) => {
      if (number === 1) await store.updateStatus("late", "working");
    });
    expect(seen).toEqual([...ids, "late"]);
  });
}
