import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type Job } from "../../index.js";
import type { Context } from "./context.js";
import { collect, idsOf } from "./expectations.js";
import { watching } from "./watch.js";

/** Names that a driver could take for code, a pattern, an escape, a number, a key or another name. */
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

/** A definition with these statuses, each of which all others can follow. */
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
const hostile = definitionOf(ALL);
type Hostile = typeof hostile;

const noneBut = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(ALL.map((name) => [name, Object.hasOwn(counts, name) ? counts[name] : 0]));

export function hostileStatuses({ test }: Context): void {
  test("a status of any characters is entered, recorded, listed, found, counted, watched and left", async ({
    stores,
  }) => {
    const store = stores.openFor(hostile);
    const events = await watching(store);
    const { job } = await store.create({ title: "]]" }, { id: "a" });
    expect(job.status).toBe(INITIAL);
    expect(await events.next()).toMatchObject({ type: "created", from: null, to: INITIAL });
    let last: Job<Hostile> = job;
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

  test("statuses of any characters are entered and left in one turn, and listed together", async ({ stores }) => {
    const store = stores.openFor(hostile);
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
    const reader = stores.openFor(hostile);
    for (const [n, name] of NAMES.entries()) {
      const store = stores.openFor(definitionOf(ALL, name));
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
    const [older, store] = [stores.openFor(definitionOf([INITIAL, "a"])), stores.openFor(hostile)];
    await older.create({ title: "One" }, { id: "a" });
    await older.create({ title: "One" }, { id: "b" });
    await older.updateStatus("b", "a");
    for (const name of NAMES) expect(await store.updateStatus("a", name)).toMatchObject({ status: name });
    expect(await store.updateStatus("a", INITIAL)).toEqual(await older.get("a"));
    expect(await older.counts()).toEqual({ [INITIAL]: 1, a: 1 });
    expect(await store.counts()).toEqual(noneBut({ [INITIAL]: 1, a: 1 }));
  });
}
