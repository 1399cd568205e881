import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, next, STATUSES, type Status, step } from "./definitions.js";
import { manyIds } from "./expectations.js";

const NONE = Object.fromEntries(STATUSES.map((status) => [status, 0]));

export function counts({ test }: Context): void {
  test("every status is there, from the start", async ({ store }) => {
    expect(await store.counts()).toEqual(NONE);
    expect(Object.keys(await store.counts())).toEqual(STATUSES);
  });

  test("they follow every step of a job", async ({ store }) => {
    for (const status of STATUSES) {
      const job = await jobIn(store, status);
      expect(await store.counts()).toEqual({ ...NONE, [status]: 1 });
      for (const to of next(status)) {
        const copy = await jobIn(store, status);
        await step(store, copy.id, to);
        expect(await store.counts()).toEqual(to === status ? { ...NONE, [to]: 2 } : { ...NONE, [status]: 1, [to]: 1 });
        await store.delete(copy.id);
      }
      await store.delete(job);
    }
    expect(await store.counts()).toEqual(NONE);
  });

  test("after hundreds of changes at once they equal what the list shows", async ({ store, stores }) => {
    const ids = manyIds(200);
    await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    const other = stores.openApart();
    const shuffled: readonly Status[] = ["working", "failed", "working", "done", "checking", "waiting", "abandoned"];
    await Promise.allSettled(
      ids.flatMap((id, index) =>
        shuffled.slice(index % 4).map((to, turn) => step(turn % 2 === 0 ? store : other, id, to)),
      ),
    );
    await store.deleteMany(ids.filter((_, index) => index % 5 === 0));
    const jobs = (await store.list({ limit: 1000 })).items;
    const tally: Record<string, number> = { ...NONE };
    for (const { status } of jobs) tally[status] = (tally[status] ?? 0) + 1;
    expect(jobs).toHaveLength(160);
    expect(await store.counts()).toEqual(tally);
    expect(await other.counts()).toEqual(tally);
  });

  test("what was refused or came twice is not counted", async ({ store }) => {
    await jobIn(store, "done", "a");
    await Promise.allSettled([
      store.create({ title: "Again" }, { id: "a" }),
      store.updateStatus("a", "done"),
      store.updateStatus("a", "working"),
      store.updateStatus("b", "working"),
      store.create({ title: "" }),
    ]);
    expect(await store.counts()).toEqual({ ...NONE, done: 1 });
  });
}
