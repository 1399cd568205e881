import { expect } from "vitest";
import type { JobStore } from "../../index.js";
import type { Context } from "./context.js";
import type { Report, Status } from "./definitions.js";
import { collect, idsOf, manyIds } from "./expectations.js";
import { imported } from "./imported.js";

const MOMENT = new Date(1_700_000_000_000);

/** All created, and all in their status since, the same millisecond. */
function tie(store: JobStore<Report>, ids: readonly string[], status: Status = "working"): Promise<unknown> {
  const times = { createdAt: MOMENT, statusAt: MOMENT, updatedAt: MOMENT };
  return Promise.all(ids.map((id) => store.save(imported(id, { status, ...times }))));
}

/** A bulk create puts hundreds of jobs into one millisecond: then the id decides. */
export function ties({ test }: Context): void {
  const ids = manyIds(300);
  for (const order of ["newest", "oldest"] as const) {
    for (const status of [undefined, "working", ["working", "checking"]] as const) {
      test(`hundreds of jobs of one millisecond: ${status ?? "all"}, ${order} first, each once, by id`, async ({
        store,
      }) => {
        await tie(store, ids);
        const expected = order === "oldest" ? ids : ids.toReversed();
        expect(idsOf(await collect(store.scan({ order, status, limit: 7 })))).toEqual(expected);
        expect(idsOf((await store.list({ order, status, limit: 1000 })).items)).toEqual(expected);
      });
    }
  }

  test("the order of ids is that of their characters, not of any language", async ({ store }) => {
    const mixed = ["-", ".", "0", "10", "2", "A", "B", "Z", "_", "a", "aB", "aa", "ab", "b", "z"];
    await tie(store, mixed.toReversed());
    expect(idsOf(await collect(store.scan({ order: "oldest", limit: 2 })))).toEqual(mixed);
    expect(idsOf(await collect(store.scan({ status: "working", limit: 2 })))).toEqual(mixed.toReversed());
  });

  test("ids of several statuses that tie are merged by id", async ({ store }) => {
    await tie(store, ["a", "c", "e"], "working");
    await tie(store, ["b", "d", "f"], "checking");
    const query = { status: ["checking", "working"], order: "oldest", limit: 2 } as const;
    expect(idsOf(await collect(store.scan(query)))).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("bounds that touch the moment leave all of them out, bounds around it none", async ({ store }) => {
    await tie(store, ids.slice(0, 20));
    const [before, after] = [new Date(MOMENT.getTime() - 1), new Date(MOMENT.getTime() + 1)];
    for (const status of [undefined, "working"] as const) {
      expect((await store.list({ status, after: MOMENT })).items).toEqual([]);
      expect((await store.list({ status, before: MOMENT })).items).toEqual([]);
      expect((await store.list({ status, after: before, before: after })).items).toHaveLength(20);
    }
  });

  test("deleting jobs of the same millisecond between pages skips none of the others", async ({ store }) => {
    await tie(store, ids.slice(0, 60));
    const seen: string[] = [];
    for await (const { id } of store.scan({ status: "working", order: "oldest", limit: 4 })) {
      seen.push(id);
      await store.delete(id);
    }
    expect(seen).toEqual(ids.slice(0, 60));
  });
}
