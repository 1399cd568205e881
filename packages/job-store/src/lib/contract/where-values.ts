import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type JobDefinition, type JobStore, type ListQuery } from "../../index.js";
import type { Context } from "./context.js";
import { type Report, report } from "./definitions.js";
import { collect, expectRefusal, idsOf, view } from "./expectations.js";

/** Each is another value; several are the beginning of others, or of what an index might be made of. */
const HOSTILE: readonly string[] = [
  ...["a", "aa", "a ", " a", "A", "0", "00", "1e3", "null", "undefined", "true", "__proto__", "constructor"],
  ...['"', '""', 'a"', 'a":', 'a":0000', 'a"*', "a\\", "\\", "\\u0000", "\\n", "*", ":", "=", ",", "{", "}", "[a]"],
  ...["\0", "a\0", "a\0b", "\n", "a\n", "a\nb", "\r", "\t", "\u007f", "\u2028", "\ufeff", "\uffff"],
  ...["é", "e\u0301", "ß", "ss", "İ", "i", "\u{1f600}", "\ud83d", "\ude00", "\ude00\ud83d", "\ud83d\ud83d"],
  ...["x".repeat(256), "x".repeat(255), "\0".repeat(256), "\u{1f600}".repeat(128)],
];

/** The same kind of job, found by what `select` says. */
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
  test("any characters, each value found by itself alone", async ({ store }) => {
    await store.createMany(HOSTILE.map((label, n) => ({ data: { title: "One", label, owner: label }, id: `${n}` })));
    for (const [n, label] of HOSTILE.entries()) {
      for (const where of [{ label }, { owner: label }]) {
        expect(idsOf((await store.list({ where })).items)).toEqual([`${n}`]);
        expect(idsOf((await store.list({ where, status: "waiting", order: "oldest" })).items)).toEqual([`${n}`]);
      }
    }
    await Promise.all(HOSTILE.map((_, n) => store.updateStatus(`${n}`, "working")));
    for (const [n, label] of HOSTILE.entries()) {
      expect(idsOf((await store.list({ where: { label }, status: "working" })).items)).toEqual([`${n}`]);
      expect((await store.list({ where: { label }, status: "waiting" })).items).toEqual([]);
      await store.delete(`${n}`);
      expect((await store.list({ where: { label } })).items).toEqual([]);
    }
  });

  test("cursors carry any value", async ({ store }) => {
    const label = '\ud83d\0\n"';
    await store.createMany(["a", "b", "c"].map((id) => ({ data: { title: id, label }, id })));
    expect(await collect(store.scan({ where: { label }, limit: 1 }))).toHaveLength(3);
  });

  test("fields of any permitted name", async ({ stores }) => {
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
    test(`${what} is INVALID_DATA, to create and to save, and nothing is stored`, async ({ store, stores }) => {
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

  test("null and undefined are no value", async ({ stores }) => {
    for (const none of [null, undefined]) {
      const store = stores.openFor(foundBy(({ title }) => (title === "none" ? none : title)));
      const { job } = await store.create({ title: "none" });
      for (const by of ["none", "null", "undefined"]) expect((await store.list({ where: { by } })).items).toEqual([]);
      expect((await store.list()).items).toContainEqual(job);
    }
  });

  test("a query that makes no sense is INVALID_ARGUMENT", async ({ store, stores }) => {
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
