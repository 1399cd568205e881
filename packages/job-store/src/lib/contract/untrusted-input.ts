import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type Job, type JobStore, type Json } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report } from "./definitions.js";
import { collect, expectRefusal, idsOf, view } from "./expectations.js";
import { watching } from "./watch.js";

const INVALID_IDS: readonly unknown[] = [
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

/** Valid ids that have a meaning in JavaScript. */
const RESERVED_NAMES = [
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

/** Every call with an id. */
const ID_CALLS: Readonly<Record<string, Call>> = {
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

export function untrustedIds({ test }: Context): void {
  for (const [name, call] of Object.entries(ID_CALLS)) {
    test(`${name}: an invalid id is INVALID_ARGUMENT, and nothing changes`, async ({ store }) => {
      await jobIn(store, "waiting", "a");
      const before = await view(store);
      for (const id of INVALID_IDS) await expectRefusal(call(store, id as never), "INVALID_ARGUMENT");
      expect(await view(store)).toEqual(before);
    });

    test(`${name}: an invalid id is rejected before the driver is called, even if the store is closed`, async ({
      store,
    }) => {
      await store.close();
      await expectRefusal(call(store, "job:*" as never), "INVALID_ARGUMENT");
    });
  }

  test("create: an invalid id is INVALID_ARGUMENT, and nothing is created", async ({ store }) => {
    for (const id of INVALID_IDS.filter((one) => one !== undefined)) {
      await expectRefusal(store.create({ title: "One" }, { id: id as string }), "INVALID_ARGUMENT");
    }
    expect((await store.list()).items).toEqual([]);
  });

  test("getMany and deleteMany accept only an array", async ({ store }) => {
    for (const ids of [undefined, null, "a", { 0: "a", length: 1 }, new Set(["a"])]) {
      await expectRefusal(store.getMany(ids as never), "INVALID_ARGUMENT");
      await expectRefusal(store.deleteMany(ids as never), "INVALID_ARGUMENT");
    }
  });

  test("an error about a long invalid id does not contain all of it", async ({ store }) => {
    const error = await expectRefusal(store.get("x".repeat(1_000_000)), "INVALID_ARGUMENT");
    expect(error.message.length).toBeLessThan(500);
  });

  test("an id can have 1 and 128 characters", async ({ store }) => {
    for (const id of ["x".repeat(128), "x"]) {
      expect(await store.create({ title: "One" }, { id })).toMatchObject({ created: true, job: { id } });
      expect(await store.updateStatus(id, "working")).toEqual(await store.get(id));
    }
    expect(idsOf(await collect(store.scan({ status: "working", limit: 1 }))).toSorted()).toEqual([
      "x",
      "x".repeat(128),
    ]);
  });

  test("names with a meaning in JavaScript are valid ids", async ({ store }) => {
    for (const id of RESERVED_NAMES) {
      expect(await store.get(id)).toBeNull();
      expect(await store.create({ title: id }, { id, outbox: [{ queue: "reports", payload: id }] })).toMatchObject({
        created: true,
        job: { id },
      });
      await store.updateProgress(id, { done: 1 });
      await store.updateStatus(id, "working");
    }
    expect((await store.getMany(RESERVED_NAMES)).map((job) => job?.data.title)).toEqual(RESERVED_NAMES);
    expect(idsOf(await collect(store.scan({ limit: 3 }))).toSorted()).toEqual(RESERVED_NAMES.toSorted());
    expect((await store.outbox.read()).map(({ jobId }) => jobId).toSorted()).toEqual(RESERVED_NAMES.toSorted());
    expect(await store.deleteMany(RESERVED_NAMES)).toBe(RESERVED_NAMES.length);
    expect((await store.list()).items).toEqual([]);
  });

  test("names with a meaning in JavaScript, and names with special characters, are valid statuses", async ({
    stores,
  }) => {
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

/** Names that a driver could confuse with code, a pattern, an escape sequence, a number, a key or another name. */
const NAMES: readonly string[] = [
  ...["]]", "]=]", "[[", "--[[", "--", "]] error('out') --[[", '" error("out") --', "' error('out') --"],
  ...[
    "%",
    "%%",
    "%s%d%1",
    "$1",
    "$&",
    "\\1",
    "\\",
    "\\\\",
    "\\n",
    "\\0",
    "\\u0041",
    '"',
    "'",
    '\\"',
    '"]',
    "`",
    "#{x}",
  ],
  ...["\n", "a\nb", "\r\n", "\t", "\0", "a\0b", "\x000", "\u007f", "\u2028", "\ufeff", " ", "a", "a ", "A"],
  ...["é", "e\u0301", "映画", "🦊", "\ud83d", "\ude00", "\ude00\ud83d"],
  ...[
    "0",
    "1",
    "-1",
    "1e3",
    "0001",
    "nil",
    "null",
    "true",
    "end",
    "KEYS[1]",
    "__proto__",
    "constructor",
    "*",
    ":",
    ",",
  ],
  ...["x".repeat(128), "\0".repeat(128), "\\".repeat(128), '"'.repeat(128), "]".repeat(128), "映".repeat(128)],
];
const INITIAL = '"]]\\\n%s🦊\ud83d\0';
const ALL = [INITIAL, ...NAMES];

/** Returns a definition with these statuses, in which every transition is allowed. */
function definitionOf(names: readonly string[], initial = INITIAL) {
  return defineJob({
    name: "]] \"'\\\n%s\0 🦊\ud83d",
    data: z.object({ title: z.string() }),
    progress: z.object({ done: z.number() }),
    initial,
    statuses: Object.fromEntries(names.map((name) => [name, { next: names, ttlSeconds: 3600, maxCount: 1000 }])),
    index: { "-.": ({ title }: { title: string }) => title, nil: ({ title }: { title: string }) => title },
  });
}
const unusualJob = definitionOf(ALL);
type UnusualJob = typeof unusualJob;

const noneBut = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(ALL.map((name) => [name, Object.hasOwn(counts, name) ? counts[name] : 0]));

export function unusualStatuses({ test }: Context): void {
  test("a status of any characters is entered, recorded, listed, found, counted, watched and left", async ({
    stores,
  }) => {
    const store = stores.openFor(unusualJob);
    const events = await watching(store);
    const { job } = await store.create({ title: "]]" }, { id: "a" });
    expect(job.status).toBe(INITIAL);
    expect(await events.next()).toMatchObject({ type: "created", from: null, to: INITIAL });
    let last: Job<UnusualJob> = job;
    for (const [n, name] of NAMES.entries()) {
      const moved = await store.updateStatus("a", name, { note: name });
      expect(moved).toMatchObject({ status: name, version: last.version + 1, progress: last.progress });
      expect(moved.history.at(-1)).toMatchObject({ from: last.status, to: name, note: name });
      expect(await events.next()).toMatchObject({ type: "status", id: "a", from: last.status, to: name });
      await store.updateProgress(moved, { done: n });
      expect(await events.next()).toMatchObject({ type: "progress", progress: { done: n } });
      const again = await store.updateStatus(moved, name);
      expect(await events.next()).toMatchObject({ type: "status", from: name, to: name, version: again.version });
      const saved = await store.save({ ...again, data: { title: name.slice(0, 64) } });
      expect(await events.next()).toMatchObject({ type: "saved", to: name, version: saved.version });
      expect(await store.get("a")).toEqual(saved);
      expect(await store.waitFor("a", { until: [name] })).toEqual(saved);
      for (const where of [undefined, { "-.": name.slice(0, 64) }, { nil: name.slice(0, 64) }]) {
        expect((await store.list({ status: name, where })).items).toEqual([saved]);
      }
      expect((await store.list({ status: last.status })).items).toEqual([]);
      expect(await store.counts()).toEqual(noneBut({ [name]: 1 }));
      last = saved;
    }
    expect(await store.audit({ repair: true })).toMatchObject({ jobs: 1, missingFromIndex: 0, staleInIndex: 0 });
    expect(await store.delete(last)).toBe(true);
    expect(await store.counts()).toEqual(noneBut({}));
  });

  test("statuses of any characters are entered and left in one event-loop tick, and listed together", async ({
    stores,
  }) => {
    const store = stores.openFor(unusualJob);
    await store.createMany(NAMES.map((_, n) => ({ data: { title: "One" }, id: `${n}` })));
    const everyOne = async () => {
      expect(await store.counts()).toEqual(noneBut(Object.fromEntries(NAMES.map((name) => [name, 1]))));
      for (const query of [{}, { status: ALL }, { status: ALL, where: { "-.": "One" } }]) {
        expect(idsOf(await collect(store.scan({ ...query, limit: 7 }))).toSorted()).toEqual(
          NAMES.map((_, n) => `${n}`).toSorted(),
        );
      }
    };
    const moved = await Promise.all(NAMES.map((name, n) => store.updateStatus(`${n}`, name)));
    expect(moved.map(({ status }) => status)).toEqual(NAMES);
    await everyOne();
    const next = await Promise.all(
      moved.map((job, n) => store.updateStatus(job, NAMES[(n + 1) % NAMES.length] as string)),
    );
    expect(await store.getMany(next.map(({ id }) => id))).toEqual(next);
    await everyOne();
    expect(await store.deleteMany(next.map(({ id }) => id))).toBe(NAMES.length);
    expect(await store.counts()).toEqual(noneBut({}));
  });

  test("a job is created in an initial status of any characters", async ({ stores }) => {
    const reader = stores.openFor(unusualJob);
    for (const [n, name] of NAMES.entries()) {
      // The other statuses are left out, because a driver can prepare each status of a definition.
      const store = stores.openFor(definitionOf([name], name));
      const { created, job } = await store.create({ title: "One" }, { id: `${n}` });
      expect([created, job.status, job.history]).toEqual([
        true,
        name,
        [{ from: null, to: name, at: job.createdAt, version: 1 }],
      ]);
      expect((await reader.list({ status: name })).items).toEqual([job]);
      await store.close();
    }
    expect(await reader.counts()).toEqual(noneBut(Object.fromEntries(NAMES.map((name) => [name, 1]))));
  });

  test("statuses of any characters are added to a definition whose jobs are stored", async ({ stores }) => {
    const [older, store] = [stores.openFor(definitionOf([INITIAL, "a"])), stores.openFor(unusualJob)];
    await older.create({ title: "One" }, { id: "a" });
    await older.create({ title: "One" }, { id: "b" });
    await older.updateStatus("b", "a");
    for (const name of NAMES) expect(await store.updateStatus("a", name)).toMatchObject({ status: name });
    expect(await store.updateStatus("a", INITIAL)).toEqual(await older.get("a"));
    expect(await older.counts()).toEqual({ [INITIAL]: 1, a: 1 });
    expect(await store.counts()).toEqual(noneBut({ [INITIAL]: 1, a: 1 }));
  });
}

function nested(levels: number): Json {
  let value: Json = [];
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { deeper: value } : [value];
  return value;
}

/** Object whose own keys have a meaning in an object literal. */
const ownKeys = JSON.parse(
  '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "": 0}',
);

/** Values that a driver changes if it decodes and encodes JSON, for example in Lua. */
const UNUSUAL_DATA: Readonly<Record<string, Json>> = {
  "line breaks": "one\ntwo\r\nthree\rfour\n\n",
  "line breaks in keys": { "a\nb": 1, "\n": 2, "\r\n": 3 },
  NUL: ["\0", "a\0b", { "\0": "\0\0" }],
  "lone surrogates": ["\ud800", "\udfff", "a\udc00\ud800b", { "\ud83d": "\ude00" }],
  "keys of every prototype": ownKeys,
  "empty containers": { array: [], object: {}, both: [[], {}, [[]], [{}]], text: "" },
  "large integers": [2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, 2 ** 63, 1e21, 1e22],
  "long floats": [1.7976931348623157e308, 5e-324, 0.1 + 0.2, -1e-7, 1 / 3, Math.PI, 123456789.12345679],
  "text that looks like numbers": ["1e1000", "NaN", "-0", "0x10", "9007199254740993"],
  literals: [true, false, null, "true", "null", ""],
  "deep nesting": nested(100),
  "a megabyte of text": "0123456789abcde\n".repeat(65_536),
  "separators and marks": "\u2028\u2029\u0085\ufeff\u200b\u202e\u007f\u0001\u001f",
  "emoji and combined characters": ["🦊", "👩‍👩‍👧‍👦", "e\u0301", "é", "İ", "ß"],
  "quotes and backslashes in keys": { '"': 1, "\\": 2, "\\n": 3, '\\"': 4, "a.b": 5, $set: 6, "%s": 7, "{}": 8 },
  "text that looks like a record": '{"id":"b","version":99}\n{"status":"done"}\n',
  "an array with null": [null, [null], { a: null }],
};

/** Compares values as text, because keys such as `constructor` confuse a comparison of objects. */
function expectExactly(actual: unknown, expected: Json): void {
  expect(JSON.stringify(actual)).toBe(JSON.stringify(expected));
}

const prototypeKeys = Reflect.ownKeys(Object.prototype);

export function unusualData({ test }: Context): void {
  for (const [name, body] of Object.entries(UNUSUAL_DATA)) {
    test(`${name}: is read exactly as it was written, in every part of a job`, async ({ store, stores }) => {
      const { job } = await store.create(
        { title: "One", body },
        { id: "a", outbox: [{ queue: "reports", payload: body }] },
      );
      expectExactly(job.data, { title: "One", body });
      await store.updateProgress("a", { done: 1, body });
      await store.updateStatus("a", "working", { outbox: [{ queue: "reports", payload: { body } }] });
      await store.updateStatus("a", "working", { progress: { done: 2, body }, result: { url: "x", body } });
      await store.save(imported("b", { data: { title: "Two", body }, result: { url: "y", body } }));
      await store.updateStatus("b", "working");

      for (const reader of [store, stores.openApart()]) {
        const [a, b] = await reader.getMany(["a", "b"]);
        const ends = { title: "One", body };
        expect(a).toMatchObject({ version: 3, status: "working", attempt: 1 });
        expectExactly(a?.data, ends);
        expectExactly(a?.progress, { done: 2, body });
        expectExactly(a?.result, { url: "x", body });
        expectExactly(b?.data, { title: "Two", body });
        expectExactly(b?.result, { url: "y", body });
        const listed = (await reader.list({ status: "working", limit: 10 })).items.find(({ id }) => id === "a");
        expectExactly(listed?.data, ends);
      }
      const messages = [...(await store.outbox.read())];
      // A read can return fewer messages than are stored.
      while (messages.length < 2) messages.push(...(await store.outbox.read({ waitMs: 10_000 })));
      expectExactly(
        messages.map(({ payload }) => payload),
        [body, { body }],
      );
      expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeKeys);
    });
  }

  const texts = Object.entries(UNUSUAL_DATA).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1].length < 1000,
  );
  for (const [name, text] of [...texts, ["lone surrogates", "\ud800-\udfff"], ["NUL", "a\0b"]] as const) {
    test(`${name}: in notes, names, failures, headers and reasons`, async ({ store }) => {
      const outbox = [
        {
          queue: `q${text.slice(0, 50)}`,
          payload: 1,
          id: `m${text.slice(0, 50)}`,
          headers: { traceparent: text, [text.slice(0, 200)]: "k" },
        },
      ];
      await store.create({ title: text }, { id: "a", by: text, outbox });
      const job = await store.updateStatus("a", "failed", {
        by: text,
        note: text,
        error: { message: text, code: text },
      });
      expect(await store.get("a")).toEqual(job);
      expect(job).toMatchObject({ data: { title: text }, error: { message: text, code: text } });
      expect(job.history).toMatchObject([{ by: text }, { by: text, note: text }]);
      const [entry] = await store.outbox.read();
      expect(entry).toMatchObject(outbox[0] as object);
      await store.outbox.reject([entry?.entryId as string], text);
      expect((await store.outbox.rejected())[0]?.reason).toBe(text);
    });
  }

  test("-0 is stored as 0", async ({ store }) => {
    const { job } = await store.create({ title: "One", body: [-0] });
    expect(job.data.body).toStrictEqual([0]);
  });

  test("an undefined property is stored like an absent one", async ({ store }) => {
    const body = { kept: 1, dropped: undefined };
    const { job } = await store.create({ title: "One", body }, { id: "a" });
    expectExactly(job.data.body, { kept: 1 });
  });
}
