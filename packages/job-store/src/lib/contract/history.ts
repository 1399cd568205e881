import { expect } from "vitest";
import type { Job, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal } from "./expectations.js";
import { imported } from "./imported.js";

const steps = (job: Job<Report> | null) => job?.history.map(({ from, to, version }) => `${version} ${from} → ${to}`);

async function liveThrough(store: JobStore<Report>): Promise<Job<Report>> {
  await store.create({ title: "One" }, { id: "a" });
  await store.updateStatus("a", "working");
  await store.updateStatus("a", "working");
  await store.updateStatus("a", "failed");
  return store.updateStatus("a", "waiting");
}

export function history({ test }: Context): void {
  const all = [
    "1 null → waiting",
    "2 waiting → working",
    "3 working → working",
    "4 working → failed",
    "5 failed → waiting",
  ];
  for (const [historyLimit, kept] of [
    [0, []],
    [1, all.slice(-1)],
    [3, all.slice(-3)],
    [5, all],
    [undefined, all],
  ] as const) {
    test(`historyLimit ${historyLimit} keeps the newest ${kept.length} changes`, async ({ stores }) => {
      const store = stores.open({ historyLimit });
      const job = await liveThrough(store);
      expect(steps(job)).toEqual(kept);
      expect(steps(await store.get("a"))).toEqual(kept);
      expect(job.version).toBe(5);
    });
  }

  test("32 changes are kept unless asked otherwise", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    for (let change = 0; change < 39; change++) await store.updateStatus("a", "working");
    const job = await store.get("a");
    expect(job?.version).toBe(40);
    expect(job?.history.map(({ version }) => version)).toEqual(Array.from({ length: 32 }, (_, index) => index + 9));
  });

  test("times, authors and remarks of each change are its own", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", by: "client" });
    await store.updateStatus("a", "working", { by: "worker", note: "took it" });
    const job = await store.updateStatus("a", "done", { note: "" });
    expect(job.history).toEqual([
      { from: null, to: "waiting", at: job.createdAt, version: 1, by: "client" },
      { from: "waiting", to: "working", at: expect.any(Date), version: 2, by: "worker", note: "took it" },
      { from: "working", to: "done", at: job.statusAt, version: 3, note: "" },
    ]);
    const times = job.history.map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test("the name that a change was given is kept with it, across a save too, and a bad one refused", async ({
    store,
  }) => {
    await store.create({ title: "One" }, { id: "a" });
    const job = await store.updateStatus("a", "working", { key: "k-1" });
    await store.save(job);
    const next = await store.updateStatus("a", "done", { key: "k-2", by: "worker" });
    expect(next.history.map(({ key }) => key)).toEqual([undefined, "k-1", "k-2"]);
    for (const key of ["", "x".repeat(129), 1 as unknown as string]) {
      await expectRefusal(store.updateStatus("a", "done", { key }), "INVALID_ARGUMENT");
    }
  });

  test("a saved history is kept as given, statuses of the past included, to the limit", async ({ stores }) => {
    const store = stores.open({ historyLimit: 2 });
    const at = new Date(1_000_000);
    const past = [
      { from: null, to: "waiting", at, version: 1 },
      { from: "waiting", to: "abolished", at, version: 2 },
      { from: "abolished", to: "checking", at, version: 5, by: "migration", note: "renamed" },
    ] as unknown as Job<Report>["history"];
    const job = await store.save(imported("a", { history: past }));
    expect(job.history).toEqual(past.slice(-2));
    expect(await store.get("a")).toEqual(job);
    const next = await store.updateStatus("a", "done");
    expect(next.history).toEqual([past[2], { from: "checking", to: "done", at: next.statusAt, version: 8 }]);
  });

  test("entries of any length and time count towards the limit", async ({ stores }) => {
    const store = stores.open({ historyLimit: 10 });
    const past = Array.from({ length: 10 }, (_, n) => ({ from: "", to: "", at: new Date(n), version: n + 1 }));
    const job = await store.save(imported("a", { history: past as unknown as Job<Report>["history"] }));
    expect(job.history).toEqual(past);
    expect((await store.updateStatus("a", "done")).history).toEqual([
      ...past.slice(1),
      expect.objectContaining({ from: "checking", to: "done", version: 8 }),
    ]);
  });

  test("a service with a smaller limit shortens what it writes, not what it reads", async ({ store, stores }) => {
    const short = stores.openApart({ historyLimit: 1 });
    const job = await liveThrough(store);
    expect((await short.get("a"))?.history).toEqual(job.history);
    expect(steps(await short.updateStatus("a", "working"))).toEqual(["6 waiting → working"]);
    expect(steps(await store.updateStatus("a", "done"))).toEqual(["6 waiting → working", "7 working → done"]);
  });

  test("a limit out of range is INVALID_ARGUMENT", async ({ stores }) => {
    for (const historyLimit of [-1, 1.5, Number.NaN, 1_000_000]) {
      await expectRefusal((async () => stores.open({ historyLimit }))(), "INVALID_ARGUMENT");
    }
  });
}
