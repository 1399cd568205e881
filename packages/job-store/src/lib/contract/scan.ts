import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, type Status } from "./definitions.js";
import { collect, idsOf, manyIds } from "./expectations.js";

export function scan({ test }: Context): void {
  test("without a status: a job present throughout is seen exactly once while all of them move", async ({
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
      // Three steps for each job seen, so that every page finds another world than the one before.
      for (let moves = 0; moves < 3; moves++) {
        await mover.updateStatus(ids[turn++ % ids.length] as string, "working");
      }
      if (turn % 10 === 0) await mover.create({ title: "New" });
    }
    expect(seen.filter((id) => ids.includes(id)).sort()).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("with a status: one that stayed in it throughout is seen exactly once", async ({ store }) => {
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

  test("with a status: one that stayed in it is seen exactly once while others enter it anew all the time", async ({
    store,
    stores,
  }) => {
    const ids = manyIds(60);
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
        for (const limit of [1, 2, 3, 5]) {
          const seen: string[] = [];
          for await (const { id } of store.scan({ status: "working", order, limit })) {
            if (staying.includes(id)) seen.push(id);
            // Jobs that enter the status anew are always the newest: without an end, an ascending scan would follow them.
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

  test("every size of page gives the same jobs", async ({ store }) => {
    const statuses: readonly Status[] = ["waiting", "working", "done"];
    for (const id of manyIds(12)) await jobIn(store, statuses[Number(id.slice(-1)) % 3] as Status, id);
    const all = idsOf(await collect(store.scan()));
    expect(all).toHaveLength(12);
    for (const limit of [1, 5, 11, 12, 13]) expect(idsOf(await collect(store.scan({ limit })))).toEqual(all);
  });

  test("it ends without an error when the signal aborts, before it or within a page", async ({ store }) => {
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

  test("it can be left at any time, and begun again", async ({ store }) => {
    await store.createMany(manyIds(20).map((id) => ({ data: { title: id }, id })));
    for await (const { id } of store.scan({ limit: 3 })) if (id.endsWith("9")) break;
    expect(await collect(store.scan({ limit: 3 }))).toHaveLength(20);
  });
}
