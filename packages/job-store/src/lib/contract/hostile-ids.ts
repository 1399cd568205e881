import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type Job, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report } from "./definitions.js";
import { collect, expectRefusal, idsOf, view } from "./expectations.js";
import { imported } from "./imported.js";

const HOSTILE: readonly unknown[] = [
  Object.create(null),
  "",
  " ",
  "job:*",
  "*",
  "a b",
  "a/b",
  "a:b",
  "{a}",
  "a}b{c",
  "a\nb",
  "a\n",
  "\r\n",
  "a\0b",
  "\0",
  "\ud800",
  "\udfff\ud800",
  "é",
  "🦊",
  "a\u2028b",
  "x".repeat(129),
  "x".repeat(1_000_000),
  undefined,
  null,
  7,
  Number.NaN,
  true,
  1n,
  Symbol("a"),
  {},
  [],
  ["a"],
  () => "a",
  { toString: () => "a" },
];

/** Legal by the alphabet, and yet names that have caught many a program. */
const ORDINARY = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "NaN",
  "-1",
  ".",
];

type Call = (store: JobStore<Report>, id: never) => Promise<unknown>;

/** Every call that takes an id. */
const CALLS: Readonly<Record<string, Call>> = {
  get: (store, id) => store.get(id),
  getMany: (store, id) => store.getMany(["a", id]),
  save: (store, id) => store.save({ ...imported("a"), id } as Job<Report>),
  "updateStatus by id": (store, id) => store.updateStatus(id, "working"),
  "updateStatus by snapshot": (store, id) =>
    store.updateStatus({ ...imported("a"), id } as Job<Report, "waiting">, "working"),
  "updateProgress by id": (store, id) => store.updateProgress(id, { done: 1 }),
  "updateProgress by snapshot": (store, id) =>
    store.updateProgress({ ...imported("a"), id } as Job<Report>, { done: 1 }),
  "delete by id": (store, id) => store.delete(id),
  "delete by snapshot": (store, id) => store.delete({ ...imported("a"), id } as Job<Report>),
  deleteMany: (store, id) => store.deleteMany(["a", id]),
};

export function hostileIds({ test }: Context): void {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name}: an id outside the alphabet is INVALID_ARGUMENT, and nothing changes`, async ({ store }) => {
      await jobIn(store, "waiting", "a");
      const before = await view(store);
      for (const id of HOSTILE) await expectRefusal(call(store, id as never), "INVALID_ARGUMENT");
      expect(await view(store)).toEqual(before);
    });

    test(`${name}: a bad id is told without asking the driver, even where the store is closed`, async ({ store }) => {
      await store.close();
      await expectRefusal(call(store, "job:*" as never), "INVALID_ARGUMENT");
    });
  }

  test("create: an id outside the alphabet is INVALID_ARGUMENT, and nothing is created", async ({ store }) => {
    for (const id of HOSTILE.filter((one) => one !== undefined)) {
      await expectRefusal(store.create({ title: "One" }, { id: id as string }), "INVALID_ARGUMENT");
    }
    expect((await store.list()).items).toEqual([]);
  });

  test("getMany and deleteMany take nothing but an array", async ({ store }) => {
    for (const ids of [undefined, null, "a", { 0: "a", length: 1 }, new Set(["a"])]) {
      await expectRefusal(store.getMany(ids as never), "INVALID_ARGUMENT");
      await expectRefusal(store.deleteMany(ids as never), "INVALID_ARGUMENT");
    }
  });

  test("an error about a hostile id does not repeat all of it", async ({ store }) => {
    const error = await expectRefusal(store.get("x".repeat(1_000_000)), "INVALID_ARGUMENT");
    expect(error.message.length).toBeLessThan(500);
  });

  test("128 characters are an id, and so is one", async ({ store }) => {
    for (const id of ["x".repeat(128), "x"]) {
      expect(await store.create({ title: "One" }, { id })).toMatchObject({ created: true, job: { id } });
      expect(await store.updateStatus(id, "working")).toEqual(await store.get(id));
    }
    expect(idsOf(await collect(store.scan({ status: "working", limit: 1 }))).toSorted()).toEqual([
      "x",
      "x".repeat(128),
    ]);
  });

  test("names with a meaning in JavaScript are ordinary ids", async ({ store }) => {
    for (const id of ORDINARY) {
      expect(await store.get(id)).toBeNull();
      expect(await store.create({ title: id }, { id, outbox: [{ queue: "reports", payload: id }] })).toMatchObject({
        created: true,
        job: { id },
      });
      await store.updateProgress(id, { done: 1 });
      await store.updateStatus(id, "working");
    }
    expect((await store.getMany(ORDINARY)).map((job) => job?.data.title)).toEqual(ORDINARY);
    expect(idsOf(await collect(store.scan({ limit: 3 }))).toSorted()).toEqual(ORDINARY.toSorted());
    expect((await store.outbox.read()).map(({ jobId }) => jobId).toSorted()).toEqual(ORDINARY.toSorted());
    expect(await store.deleteMany(ORDINARY)).toBe(ORDINARY.length);
    expect((await store.list()).items).toEqual([]);
  });

  test("and they are ordinary statuses, as are names full of marks", async ({ stores }) => {
    const odd = ["__proto__", "constructor", "job:*", "{a}", "line\nbreak", "nul\0", "\ud800", "🦊", '"quoted"', " "];
    const store = stores.openFor(
      defineJob({
        name: 'odd "name"\n{with} 🦊 \ud800 and \0',
        data: z.null(),
        initial: "__proto__",
        statuses: Object.fromEntries(odd.map((status) => [status, { next: odd, ttlSeconds: 60 }])),
      }),
    );
    await store.create(null, { id: "a" });
    for (const [index, status] of odd.entries()) {
      expect(await store.updateStatus("a", status)).toMatchObject({ status, version: index + 2 });
      expect(idsOf((await store.list({ status })).items)).toEqual(["a"]);
      expect(Object.entries(await store.counts())).toEqual(odd.map((one) => [one, one === status ? 1 : 0]));
    }
    expect((await store.get("a"))?.history.map(({ to }) => to)).toEqual(["__proto__", ...odd]);
  });
}
