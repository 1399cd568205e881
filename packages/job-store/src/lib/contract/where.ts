import { expect } from "vitest";
import type { Job, JobStore, ListQuery } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, STATUSES, strictReport } from "./definitions.js";
import { collect, gone, idsOf, manyIds } from "./expectations.js";
import { imported } from "./imported.js";

/**
 * Created in the order of their ids, and working in the opposite order, a millisecond apart, long ago. Those of "b" are
 * in the midst of them; e has no label.
 */
async function fill(store: JobStore<Report>): Promise<void> {
  const rows = [
    ["a", "working", "red"],
    ["b", "checking", "blue"],
    ["c", "working", "red"],
    ["d", "checking", "red"],
    ["e", "working", undefined],
    ["f", "abandoned", "red"],
  ] as const;
  for (const [n, [id, status, label]] of rows.entries()) {
    const times = { createdAt: new Date(1_000_000 + n), statusAt: new Date(2_000_000 - n) };
    const data = { title: id, owner: id === "f" ? null : "ann", ...(label !== undefined && { label }) };
    await store.save(imported(id, { status, data, ...times }));
  }
}

const found = async (store: JobStore<Report>, query: ListQuery<Report>) =>
  idsOf(await collect(store.scan({ ...query, limit: 2 })));

export function where({ test }: Context): void {
  const red = { label: "red" };
  const queries: readonly { says: string; query: ListQuery<Report>; ids: string }[] = [
    { says: "newest first, by creation", query: { where: red }, ids: "fdca" },
    { says: "oldest first, by creation", query: { where: red, order: "oldest" }, ids: "acdf" },
    { says: "in one status, by when it was entered", query: { where: red, status: "working" }, ids: "ac" },
    { says: "in one status, oldest first", query: { where: red, status: "working", order: "oldest" }, ids: "ca" },
    { says: "in several statuses, merged", query: { where: red, status: ["checking", "working"] }, ids: "acd" },
    { says: "in a status where there is none", query: { where: red, status: "done" }, ids: "" },
    { says: "by another value", query: { where: { label: "blue" } }, ids: "b" },
    { says: "by a value that none has", query: { where: { label: "re" } }, ids: "" },
    { says: "by another field", query: { where: { owner: "ann" } }, ids: "edcba" },
    { says: "by a field whose value is another field's", query: { where: { owner: "red" } }, ids: "" },
    { says: "created after a moment", query: { where: red, after: new Date(1_000_002) }, ids: "fd" },
    { says: "created before a moment", query: { where: red, before: new Date(1_000_002) }, ids: "a" },
    {
      says: "entered between two moments",
      query: { where: red, status: STATUSES, after: new Date(1_999_997), before: new Date(2_000_000) },
      ids: "c",
    },
    { says: "bounds that leave nothing", query: { where: red, after: new Date(9), before: new Date(9) }, ids: "" },
    { says: "left out when undefined", query: { where: undefined, status: "working" }, ids: "ace" },
  ];
  for (const { says, query, ids } of queries) {
    test(says, async ({ store }) => {
      await fill(store);
      const page = await store.list(query);
      expect(idsOf(page.items).join("")).toBe(ids);
      expect(page).toEqual({ items: await store.getMany([...ids]), unreadable: [] });
      expect(await found(store, query)).toEqual([...ids]);
    });
  }

  test("a job is found in its present status and in no other", async ({ store }) => {
    await store.create({ title: "One", label: "red" }, { id: "a" });
    for (const status of ["waiting", "working", "checking", "done"] as const) {
      if (status !== "waiting") await store.updateStatus("a", status);
      for (const one of STATUSES)
        expect(await found(store, { where: red, status: one })).toEqual(one === status ? ["a"] : []);
      expect(await found(store, { where: red })).toEqual(["a"]);
    }
  });

  test("re-entry moves it to the newer end, and not in the order of creation", async ({ store }) => {
    await fill(store);
    await store.updateStatus("c", "working");
    expect(await found(store, { where: red, status: "working" })).toEqual(["c", "a"]);
    expect(await found(store, { where: red })).toEqual(["f", "d", "c", "a"]);
  });

  test("a job is found by what was saved last, in every field", async ({ store }) => {
    await fill(store);
    const a = (await store.get("a")) as Job<Report>;
    const saved = await store.save({ ...a, data: { title: "a", label: "blue" } });
    expect(await found(store, { where: red, status: "working" })).toEqual(["c"]);
    expect(await found(store, { where: { label: "blue" } })).toEqual(["b", "a"]);
    expect(await found(store, { where: { owner: "ann" } })).toEqual(["e", "d", "c", "b"]);
    await store.save({ ...saved, status: "done", statusAt: new Date(), data: { title: "a" } });
    for (const where of [red, { label: "blue" }, { owner: "ann" }]) {
      expect(await found(store, { where })).not.toContain("a");
      expect(await found(store, { where, status: STATUSES })).not.toContain("a");
    }
  });

  test("a deleted job is not found, nor what was before under an id that is used again", async ({ store }) => {
    await fill(store);
    await store.delete("a");
    expect(await found(store, { where: red, status: "working" })).toEqual(["c"]);
    expect(await found(store, { where: red })).toEqual(["f", "d", "c"]);
    await store.create({ title: "Another", label: "blue" }, { id: "a" });
    expect(await found(store, { where: red })).toEqual(["f", "d", "c"]);
    expect(await found(store, { where: { label: "blue" } })).toEqual(["a", "b"]);
  });

  test("expired jobs are never found, nor what was before under an id that is used again", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.15, working: 0 } });
    await store.create({ title: "One", label: "red" }, { id: "brief" });
    await store.create({ title: "Two", label: "red" }, { id: "kept" });
    await store.updateStatus("kept", "working");
    await gone(store, "brief");
    for (const query of [{ where: red }, { where: red, order: "oldest" }, { where: red, status: STATUSES }] as const) {
      expect(await found(store, query)).toEqual(["kept"]);
    }
    expect(await found(store, { where: red, status: "waiting" })).toEqual([]);
    const lasting = stores.open();
    await lasting.create({ title: "Three", label: "blue" }, { id: "brief" });
    expect(await found(lasting, { where: red })).toEqual(["kept"]);
    expect(await found(lasting, { where: { label: "blue" }, status: "waiting" })).toEqual(["brief"]);
  });

  test("jobs finished under different settings are found together", async ({ stores }) => {
    const services = [stores.open(), stores.openApart({ ttlSeconds: { done: 60 } })] as const;
    for (const [n, service] of services.entries()) {
      await service.create({ title: "One", label: "red" }, { id: `job-${n}` });
      await service.updateStatus(`job-${n}`, "working");
      await service.updateStatus(`job-${n}`, "done");
    }
    for (const service of services) {
      expect((await found(service, { where: red, status: "done" })).sort()).toEqual(["job-0", "job-1"]);
    }
  });

  test("a service that declares no fields moves jobs without losing them; what it creates is not found", async ({
    store,
    stores,
  }) => {
    const plain = stores.openFor(strictReport);
    await plain.create({ title: "Plain" }, { id: "plain" });
    await store.create({ title: "One", label: "red" }, { id: "a" });
    await plain.updateStatus("a", "working");
    expect(await found(store, { where: red, status: "working" })).toEqual(["a"]);
    expect(await found(store, { where: red, status: "waiting" })).toEqual([]);
    await plain.delete("a");
    expect(await found(store, { where: red })).toEqual([]);
    await store.updateStatus("plain", "working");
    expect(await found(store, { status: "working" })).toEqual(["plain"]);
  });

  for (const order of ["newest", "oldest"] as const) {
    test(`hundreds of one millisecond and one value, ${order} first, each once, by id`, async ({ store }) => {
      const [ids, moment] = [manyIds(150), new Date(1_700_000_000_000)];
      const times = { createdAt: moment, statusAt: moment, updatedAt: moment };
      await Promise.all(
        ids.map((id) => store.save(imported(id, { status: "working", data: { title: id, ...red }, ...times }))),
      );
      const expected = order === "oldest" ? ids : ids.toReversed();
      for (const status of [undefined, "working"] as const) {
        expect(idsOf(await collect(store.scan({ where: red, status, order, limit: 7 })))).toEqual(expected);
      }
    });
  }

  test("what is created, deleted, moved and saved between pages disturbs no other", async ({ store }) => {
    const ids = manyIds(60);
    await store.createMany(ids.map((id) => ({ data: { title: id, label: "red" }, id })));
    const seen: string[] = [];
    const leaving = ids.filter((_, n) => n % 3 !== 0);
    for await (const { id } of store.scan({ where: red, status: "waiting", limit: 5 })) {
      seen.push(id);
      const [moving, changing] = [leaving.pop(), leaving.shift()];
      if (moving !== undefined) await store.updateStatus(moving, "working");
      const job = changing === undefined ? null : await store.get(changing);
      if (job?.status === "waiting") await store.save({ ...job, data: { title: job.id, label: "blue" } });
      await store.create({ title: "New", label: "red" });
    }
    expect(seen.filter((_, n) => seen.indexOf(seen[n] as string) !== n)).toEqual([]);
    expect(seen.filter((id) => ids.indexOf(id) % 3 === 0 && ids.includes(id)).sort()).toEqual(
      ids.filter((_, n) => n % 3 === 0),
    );
  });

  test("while jobs change their value again and again, none is listed with another than was asked for", async ({
    store,
    stores,
  }) => {
    const ids = manyIds(8);
    await store.createMany(ids.map((id) => ({ data: { title: id, label: "red" }, id })));
    const reader = stores.openApart();
    let changing = true;
    const writers = ids.map(async (id) => {
      for (let turn = 0; turn < 25; turn++) {
        const job = (await store.get(id)) as Job<Report>;
        await store.save({ ...job, data: { title: id, label: turn % 2 === 0 ? "blue" : "red" } });
      }
    });
    const done = Promise.all(writers).finally(() => {
      changing = false;
    });
    while (changing) {
      const { items } = await reader.list({ where: red });
      expect(items.map(({ data }) => data.label).filter((label) => label !== "red")).toEqual([]);
    }
    await done;
    expect((await found(reader, { where: { label: "blue" } })).sort()).toEqual(ids);
    expect(await found(reader, { where: red })).toEqual([]);
  });

  test("a job that was never given a value moves like any other", async ({ store }) => {
    await jobIn(store, "done", "a");
    expect(await found(store, { status: "done" })).toEqual(["a"]);
    expect(await found(store, { where: red })).toEqual([]);
  });
}
