import { expect } from "vitest";
import type { JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, next, type Report, STATUSES, type Status, step, strictReport } from "./definitions.js";
import { gone, manyIds } from "./expectations.js";

const ZERO = Object.fromEntries(STATUSES.map((status) => [status, 0]));
const RED = { where: { label: "red" } } as const;

/** Returns the number of jobs with a label in each status, from the list of them. */
async function tally(store: JobStore<Report>, label: string): Promise<Record<string, number>> {
  const numbers = { ...ZERO };
  for await (const { status } of store.scan({ where: { label } })) numbers[status] = (numbers[status] ?? 0) + 1;
  return numbers;
}

export function countsOfField({ test }: Context): void {
  test("counts of a value follow every transition of its jobs, and no other job", async ({ store }) => {
    expect(Object.keys(await store.counts(RED))).toEqual(STATUSES);
    for (const other of ["re", "redd", "blue", undefined]) await store.create({ title: "Other", label: other });
    await store.create({ title: "Owned", owner: "red" });
    await store.create({ title: "One", label: "red" }, { id: "a" });
    const walk: readonly Status[] = ["working", "working", "checking", "failed", "waiting", "working", "done"];
    expect(await store.counts(RED)).toEqual({ ...ZERO, waiting: 1 });
    for (const to of walk) {
      await step(store, "a", to);
      expect(await store.counts(RED)).toEqual({ ...ZERO, [to]: 1 });
    }
    await store.delete("a");
    expect(await store.counts(RED)).toEqual(ZERO);
    expect(await store.counts({ where: undefined })).toMatchObject({ waiting: 5 });
  });

  test("values of any characters are counted apart", async ({ store }) => {
    const labels = ["a", 'a"', 'a":0001', "a\n", "é", "a*", "a=b"];
    for (const label of labels) await store.create({ title: "One", label });
    for (const label of labels) expect(await store.counts({ where: { label } })).toEqual({ ...ZERO, waiting: 1 });
    expect(await store.counts({ where: { label: 'a":0' } })).toEqual(ZERO);
  });

  test("a saved job is counted by its new value and status", async ({ store }) => {
    const data = (label: string | undefined) => ({ title: "One", ...(label !== undefined && { label }) });
    const saved = await store.save(imported("a", { data: data("red") }));
    expect(await store.counts(RED)).toEqual({ ...ZERO, checking: 1 });
    const blue = await store.save({ ...saved, status: "working", data: data("blue") });
    expect(await store.counts(RED)).toEqual(ZERO);
    expect(await store.counts({ where: { label: "blue" } })).toEqual({ ...ZERO, working: 1 });
    await store.save({ ...blue, data: data(undefined) });
    expect(await store.counts({ where: { label: "blue" } })).toEqual(ZERO);
  });

  test("expired jobs are not counted, and jobs with another TTL are", async ({ stores }) => {
    const brief = stores.open({ ttlSeconds: { waiting: 0.15 } });
    const lasting = stores.openApart({ ttlSeconds: { waiting: 3600 } });
    const forever = stores.open({ ttlSeconds: { waiting: 0 } });
    await brief.create({ title: "One", label: "red" }, { id: "brief" });
    await lasting.create({ title: "Two", label: "red" });
    await forever.create({ title: "Three", label: "red" });
    await gone(brief, "brief");
    for (const store of [brief, lasting, forever]) expect(await store.counts(RED)).toEqual({ ...ZERO, waiting: 2 });
  });

  test("a job without the field is not counted by the value of an expired job with its id", async ({ stores }) => {
    const brief = stores.open({ ttlSeconds: { waiting: 0.15 } });
    await brief.create({ title: "One", label: "red" }, { id: "a" });
    await gone(brief, "a");
    const store = stores.openApart();
    await store.create({ title: "Two" }, { id: "a" });
    await store.updateStatus("a", "working");
    expect(await store.counts(RED)).toEqual(ZERO);
  });

  test("a job of a service that does not declare the field is not counted", async ({ store, stores }) => {
    const plain = stores.openFor(strictReport);
    await plain.create({ title: "Plain" }, { id: "plain" });
    await store.create({ title: "One", label: "red" }, { id: "a" });
    await plain.updateStatus("a", "working");
    expect(await store.counts(RED)).toEqual({ ...ZERO, working: 1 });
  });

  test("after hundreds of concurrent changes, counts of each value equal the list", async ({ store, stores }) => {
    const ids = manyIds(120);
    const labels = ["red", "blue", "green"] as const;
    await store.createMany(ids.map((id, n) => ({ data: { title: id, label: labels[n % 3] }, id })));
    const other = stores.openApart();
    const walk: readonly Status[] = ["working", "failed", "checking", "done", "waiting", "working"];
    await Promise.allSettled(
      ids.flatMap((id, n) => walk.slice(n % 4).map((to, turn) => step(turn % 2 === 0 ? store : other, id, to))),
    );
    await store.deleteMany(ids.filter((_, n) => n % 5 === 0));
    for (const label of labels) {
      const counts = await store.counts({ where: { label } });
      expect(counts).toEqual(await tally(store, label));
      expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(32);
      expect(await other.counts({ where: { label } })).toEqual(counts);
    }
  });

  test("the counts of a value have one job at every moment of its changes", async ({ store, stores }) => {
    const reader = stores.openApart();
    await store.create({ title: "One", label: "red" }, { id: "a" });
    let status: Status = "waiting";
    for (let turn = 0; turn < 20; turn++) {
      const to: Status = next(status)[turn % next(status).length] ?? "waiting";
      const [counts] = await Promise.all([reader.counts(RED), step(store, "a", to)]);
      expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(1);
      if (next(to).length === 0) break;
      status = to;
    }
  });
}
