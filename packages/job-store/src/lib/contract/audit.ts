import { expect } from "vitest";
import { type AuditReport, defineJob, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, report, strictReport } from "./definitions.js";
import { collect, expectRefusal, gone, idsOf, manyIds, view } from "./expectations.js";

/** Returns the report of an audit that finds only the given problems. */
const found = (jobs: number, rest: Partial<AuditReport> = {}): AuditReport => ({
  jobs,
  missingFromIndex: 0,
  staleInIndex: 0,
  unreadable: 0,
  repaired: 0,
  ...rest,
});

/** Returns the definition with other index fields. The compiler sees it as a report. */
const reportWith = (index: Partial<Report["index"]>) => defineJob({ ...report, index } as unknown as Report);

const labelled = async (store: JobStore<Report>, label: string) =>
  idsOf(await collect(store.scan({ where: { label } }))).toSorted();

export function audit({ test }: Context): void {
  test("an audit of a consistent store repairs nothing and changes nothing", async ({ store }) => {
    expect(await store.audit({ repair: true })).toEqual(found(0));
    for (const status of ["waiting", "working", "done", "failed"] as const) await jobIn(store, status, status);
    await store.create({ title: "One", label: "red", owner: "ann" }, { id: "a", outbox: [{ queue: "q", payload: 1 }] });
    await store.updateProgress("a", { done: 1 });
    await store.delete("failed");
    const before = await view(store);
    expect(await store.audit()).toEqual(found(4));
    expect(await store.audit({ repair: true })).toEqual(found(4));
    expect(await view(store)).toEqual(before);
  });

  test("an audit of more jobs than one step compares counts each job once", async ({ store }) => {
    await store.createMany(manyIds(1234).map((id) => ({ data: { title: id, label: "red" }, id })));
    expect(await store.audit()).toEqual(found(1234));
  });

  test("an audit with repair indexes the stored jobs by a new index field", async ({ stores }) => {
    const before = stores.openFor(reportWith({}));
    for (const [id, label] of [
      ["a", "red"],
      ["b", "blue"],
      ["c", "red"],
      ["d", undefined],
    ] as const) {
      await before.create({ title: id, ...(label !== undefined && { label }) }, { id });
    }
    await before.updateStatus("c", "working");
    const jobs = await before.getMany(["a", "b", "c", "d"]);
    const store = stores.open();
    expect(await store.audit()).toEqual(found(4, { missingFromIndex: 3 }));
    expect(await labelled(store, "red")).toEqual([]);
    expect(await store.audit({ repair: true })).toEqual(found(4, { missingFromIndex: 3, repaired: 3 }));
    expect(await labelled(store, "red")).toEqual(["a", "c"]);
    expect(idsOf((await store.list({ where: { label: "red" }, status: "working" })).items)).toEqual(["c"]);
    expect(await store.getMany(["a", "b", "c", "d"])).toEqual(jobs);
    await store.updateStatus("a", "working");
    const working = await store.list({ where: { label: "red" }, status: "working" });
    // The order is newest first. Jobs that changed in the same millisecond are ordered by descending id.
    const inOrder = (await store.getMany(["a", "c"])).flatMap((job) => (job === null ? [] : [job]));
    inOrder.sort((x, y) => y.statusAt.getTime() - x.statusAt.getTime() || (x.id < y.id ? 1 : -1));
    expect(working.items).toEqual(inOrder);
    expect(await store.audit({ repair: true })).toEqual(found(4));
  });

  test("index values of fields that only other services declare do not change", async ({ store, stores }) => {
    await store.create({ title: "One", label: "red", owner: "ann" }, { id: "a" });
    const byLabel = stores.openFor(reportWith({ label: ({ label }) => label }));
    await byLabel.create({ title: "Two", label: "blue", owner: "ann" }, { id: "b" });
    expect(await byLabel.audit({ repair: true })).toEqual(found(2));
    expect(await store.audit({ repair: true })).toEqual(found(2, { missingFromIndex: 1, repaired: 1 }));
    expect(await byLabel.audit({ repair: true })).toEqual(found(2));
    expect(idsOf((await store.list({ where: { owner: "ann" }, order: "oldest" })).items)).toEqual(["a", "b"]);
  });

  test("the values of a field with a new function are computed again, and a job has no value if the function fails", async ({
    store,
    stores,
  }) => {
    for (const id of ["a", "b"]) await store.create({ title: id, label: id === "a" ? "red" : "blue" }, { id });
    const label = ({ label }: { label?: string | undefined }) => {
      if (label === "blue") throw new Error("no blue");
      return label?.toUpperCase();
    };
    const changed = stores.openFor(reportWith({ label }));
    expect(await changed.audit({ repair: true })).toEqual(found(2, { missingFromIndex: 2, repaired: 2 }));
    expect(await labelled(changed, "RED")).toEqual(["a"]);
    expect(await labelled(store, "blue")).toEqual([]);
  });

  test("records that do not match the schema are counted, keep their index values, and are never deleted", async ({
    store,
    stores,
  }) => {
    await store.create({ title: "Much too long", label: "red" }, { id: "bad" });
    await store.create({ title: "Short", label: "red" }, { id: "good" });
    const strict = stores.openFor(strictReport);
    expect(await strict.audit({ repair: true })).toEqual(found(2, { unreadable: 1 }));
    expect(await labelled(store, "red")).toEqual(["bad", "good"]);
  });

  test("a stored value that is not a record is counted and not changed", async ({ store, underTest, skip }) => {
    if (underTest.corrupt === undefined) return skip("this driver's records cannot be tampered with");
    await jobIn(store, "waiting", "good");
    await jobIn(store, "waiting", "bad");
    await underTest.corrupt("bad");
    expect(await store.audit({ repair: true })).toEqual(found(2, { unreadable: 1 }));
    expect(await store.list()).toMatchObject({ items: [{ id: "good" }], unreadable: [{ id: "bad" }] });
  });

  test("expired jobs are not counted, and their index entries are not counted as stale", async ({ store, stores }) => {
    const brief = stores.open({ ttlSeconds: { waiting: 0.15, working: 0 } });
    const ids = manyIds(20);
    await brief.createMany(ids.map((id) => ({ data: { title: id, label: "red" }, id })));
    await jobIn(store, "working", "kept");
    // Jobs of different shards were created at different times.
    for (const id of ids) await gone(brief, id);
    expect(await store.audit()).toEqual(found(1));
    expect(await store.audit({ repair: true })).toEqual(found(1));
  });

  test("an audit finds no problem while jobs are created, changed, saved and deleted", async ({ store, stores }) => {
    const ids = manyIds(40);
    let writing = true;
    const writer = async (n: number) => {
      const apart = stores.openApart();
      for (let turn = 0; turn < 6; turn++) {
        for (const id of ids.filter((_, k) => k % 4 === n)) {
          const { job } = await apart.create({ title: id, label: "red", owner: `${turn}` }, { id });
          const moved = await apart.updateStatus(job.id, "working");
          await apart.updateProgress(id, { done: turn });
          await apart.save({ ...moved, data: { title: id, label: "blue" } });
          if (turn < 5) await apart.delete(id);
        }
      }
    };
    const writers = Promise.all([0, 1, 2, 3].map(writer)).finally(() => {
      writing = false;
    });
    while (writing) {
      const { missingFromIndex, staleInIndex, unreadable } = await store.audit({ repair: true });
      expect({ missingFromIndex, staleInIndex, unreadable }).toEqual({
        missingFromIndex: 0,
        staleInIndex: 0,
        unreadable: 0,
      });
    }
    await writers;
    expect(await store.audit()).toEqual(found(40));
    expect(await labelled(store, "blue")).toEqual(ids);
  });

  test("onEvent receives an event about a repair", async ({ stores }) => {
    await stores.openFor(reportWith({})).create({ title: "One", label: "red" });
    const told: unknown[] = [];
    const store = stores.open({ onEvent: (event) => told.push(event) });
    await store.audit();
    const counted = told.length;
    await store.audit({ repair: true });
    expect(told.slice(counted)).toEqual([
      { type: "warning", message: expect.stringContaining("1"), details: expect.objectContaining({ repaired: 1 }) },
    ]);
  });

  test("close does not wait for the whole audit", async ({ store }) => {
    await store.createMany(manyIds(1200).map((id) => ({ data: { title: id }, id })));
    const auditing = store.audit();
    await store.close();
    await expectRefusal(auditing, "CLOSED");
  });
}
