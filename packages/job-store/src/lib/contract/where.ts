import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type Job, type JobDefinition, type JobStore, type ListQuery } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report, report, STATUSES, strictReport } from "./definitions.js";
import { collect, expectRefusal, gone, idsOf, manyIds, view } from "./expectations.js";

/**
 * Saves jobs that were created in the order of their ids, and entered working in the opposite order, at intervals of one
 * millisecond, long ago. Jobs with label "b" are between the others, and e has no label.
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

  test("a job is found in its current status and in no other", async ({ store }) => {
    await store.create({ title: "One", label: "red" }, { id: "a" });
    for (const status of ["waiting", "working", "checking", "done"] as const) {
      if (status !== "waiting") await store.updateStatus("a", status);
      for (const one of STATUSES)
        expect(await found(store, { where: red, status: one })).toEqual(one === status ? ["a"] : []);
      expect(await found(store, { where: red })).toEqual(["a"]);
    }
  });

  test("re-entry makes a job the newest in its status, and does not change the order of creation", async ({
    store,
  }) => {
    await fill(store);
    await store.updateStatus("c", "working");
    expect(await found(store, { where: red, status: "working" })).toEqual(["c", "a"]);
    expect(await found(store, { where: red })).toEqual(["f", "d", "c", "a"]);
  });

  test("a job is found by its last saved value in every field", async ({ store }) => {
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

  test("a deleted job is not found, also if its id is used again", async ({ store }) => {
    await fill(store);
    await store.delete("a");
    expect(await found(store, { where: red, status: "working" })).toEqual(["c"]);
    expect(await found(store, { where: red })).toEqual(["f", "d", "c"]);
    await store.create({ title: "Another", label: "blue" }, { id: "a" });
    expect(await found(store, { where: red })).toEqual(["f", "d", "c"]);
    expect(await found(store, { where: { label: "blue" } })).toEqual(["a", "b"]);
  });

  test("expired jobs are never found, also if their ids are used again", async ({ stores }) => {
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

  test("jobs that were finished with different ttlSeconds are found together", async ({ stores }) => {
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

  test("a service without index fields keeps the values of jobs that it changes, and the jobs that it creates are not found", async ({
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
    test(`hundreds of jobs of one millisecond and one value, ${order} first, each job once, in the order of ids`, async ({
      store,
    }) => {
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

  test("jobs that are created, deleted, moved and saved between pages do not affect other jobs", async ({ store }) => {
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

  test("while jobs change their values, no job is listed with another value than the requested one", async ({
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

  test("a job without an index value can be changed like any other", async ({ store }) => {
    await jobIn(store, "done", "a");
    expect(await found(store, { status: "done" })).toEqual(["a"]);
    expect(await found(store, { where: red })).toEqual([]);
  });
}

/** Different values. Some are prefixes of others, or of texts that an index can contain. */
const UNUSUAL_VALUES: readonly string[] = [
  ...["a", "aa", "a ", " a", "A", "0", "00", "1e3", "null", "undefined", "true", "__proto__", "constructor"],
  ...['"', '""', 'a"', 'a":', 'a":0000', 'a"*', "a\\", "\\", "\\u0000", "\\n", "*", ":", "=", ",", "{", "}", "[a]"],
  ...["\0", "a\0", "a\0b", "\n", "a\n", "a\nb", "\r", "\t", "\u007f", "\u2028", "\ufeff", "\uffff"],
  ...["é", "e\u0301", "ß", "ss", "İ", "i", "\u{1f600}", "\ud83d", "\ude00", "\ude00\ud83d", "\ud83d\ud83d"],
  ...["x".repeat(256), "x".repeat(255), "\0".repeat(256), "\u{1f600}".repeat(128)],
];

/** Returns a definition whose index value is the result of `select`. */
function foundBy(select: (data: { title: string }) => unknown) {
  return defineJob({
    name: "report",
    data: z.object({ title: z.string() }),
    initial: "waiting",
    statuses: report.statuses,
    index: { by: select as (data: { title: string }) => string },
  });
}

export function whereValues({ test }: Context): void {
  test("values of any characters are found, and only by the same value", async ({ store }) => {
    await store.createMany(
      UNUSUAL_VALUES.map((label, n) => ({ data: { title: "One", label, owner: label }, id: `${n}` })),
    );
    for (const [n, label] of UNUSUAL_VALUES.entries()) {
      for (const where of [{ label }, { owner: label }]) {
        expect(idsOf((await store.list({ where })).items)).toEqual([`${n}`]);
        expect(idsOf((await store.list({ where, status: "waiting", order: "oldest" })).items)).toEqual([`${n}`]);
      }
    }
    await Promise.all(UNUSUAL_VALUES.map((_, n) => store.updateStatus(`${n}`, "working")));
    for (const [n, label] of UNUSUAL_VALUES.entries()) {
      expect(idsOf((await store.list({ where: { label }, status: "working" })).items)).toEqual([`${n}`]);
      expect((await store.list({ where: { label }, status: "waiting" })).items).toEqual([]);
      await store.delete(`${n}`);
      expect((await store.list({ where: { label } })).items).toEqual([]);
    }
  });

  test("cursors of queries with any value are valid", async ({ store }) => {
    const label = '\ud83d\0\n"';
    await store.createMany(["a", "b", "c"].map((id) => ({ data: { title: id, label }, id })));
    expect(await collect(store.scan({ where: { label }, limit: 1 }))).toHaveLength(3);
  });

  test("fields of any valid name can be used", async ({ stores }) => {
    const names = ["__proto__", "constructor", "0", "a.b", "x".repeat(64), "_-."];
    const index = Object.fromEntries(names.map((name) => [name, () => name]));
    const store = stores.openFor(defineJob({ ...foundBy(() => null), index })) as unknown as JobStore<JobDefinition>;
    await store.create({ title: "One" }, { id: "a" });
    for (const name of Object.keys(index)) {
      expect((await store.list({ where: { [name]: name } } as never)).items).toHaveLength(1);
      expect((await store.list({ where: { [name]: "other" } } as never)).items).toEqual([]);
    }
  });

  const refused: readonly [what: string, select: (data: { title: string }) => unknown][] = [
    ["an empty string", () => ""],
    ["257 characters", () => "x".repeat(257)],
    ["a number", () => 1],
    ["an object", () => ({})],
    ["a function that fails", () => JSON.parse("no JSON")],
  ];
  for (const [what, select] of refused) {
    test(`${what} as an index value is INVALID_DATA in create and save, and nothing is stored`, async ({
      store,
      stores,
    }) => {
      const strict = stores.openFor(foundBy(select));
      await store.create({ title: "One", label: "red" }, { id: "a" });
      const before = await view(store);
      const error = await expectRefusal(strict.create({ title: "One" }, { id: "b" }), "INVALID_DATA", { jobId: "b" });
      expect(error.message).toContain("by");
      expect(error.issues).toHaveLength(1);
      const a = await strict.get("a");
      if (a === null) return expect.fail("a is there");
      await expectRefusal(strict.save(a), "INVALID_DATA", { jobId: "a" });
      expect(await view(store)).toEqual(before);
      expect(idsOf((await store.list({ where: { label: "red" } })).items)).toEqual(["a"]);
    });
  }

  test("null and undefined mean that a job has no value", async ({ stores }) => {
    for (const none of [null, undefined]) {
      const store = stores.openFor(foundBy(({ title }) => (title === "none" ? none : title)));
      const { job } = await store.create({ title: "none" });
      for (const by of ["none", "null", "undefined"]) expect((await store.list({ where: { by } })).items).toEqual([]);
      expect((await store.list()).items).toContainEqual(job);
    }
  });

  test("an invalid query is INVALID_ARGUMENT", async ({ store, stores }) => {
    const wrong: readonly unknown[] = [
      ...[null, "red", 1, [], {}, { label: undefined }, { label: "red", owner: "ann" }],
      ...[{ title: "One" }, { constructor: "red" }, JSON.parse('{"__proto__":"red"}')],
      ...[{ label: "" }, { label: "x".repeat(257) }, { label: 1 }, { label: null }, { label: ["red"] }],
    ];
    for (const where of wrong) {
      await expectRefusal(store.list({ where } as ListQuery<Report>), "INVALID_ARGUMENT");
      await expectRefusal(collect(store.scan({ where } as ListQuery<Report>)), "INVALID_ARGUMENT");
    }
    await store.createMany(["a", "b", "c"].map((id) => ({ data: { title: id, label: "red" }, id })));
    const { cursor } = await store.list({ where: { label: "red" }, limit: 1 });
    for (const where of [undefined, { label: "blue" }, { owner: "red" }]) {
      await expectRefusal(store.list({ where, cursor } as ListQuery<Report>), "INVALID_ARGUMENT");
    }
    const plain = stores.openFor(defineJob({ ...foundBy(() => null), index: undefined }));
    await expectRefusal(plain.list({ where: { label: "red" } } as never), "INVALID_ARGUMENT");
  });
}
