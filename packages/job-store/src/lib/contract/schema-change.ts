import { expect } from "vitest";
import * as z from "zod";
import { defineJob } from "../../index.js";
import type { Context } from "./context.js";
import { report } from "./definitions.js";

/** The same kind of job in the eyes of a newer release: it knows more of each part, and one more status. */
const newer = defineJob({
  ...report,
  data: z.object({ title: z.string(), pages: z.number().default(1), cover: z.string().optional() }),
  result: z.object({ url: z.string(), pages: z.number().optional() }),
  progress: z.object({ done: z.number(), of: z.number().optional() }),
  statuses: { ...report.statuses, archived: { next: [], final: true } },
  index: { cover: ({ cover }) => cover },
});

export function schemaChange({ test }: Context): void {
  test("a newer schema reads what an older one wrote, with its defaults", async ({ store, stores }) => {
    await store.create({ title: "Old" }, { id: "a" });
    const after = stores.openFor(newer);
    expect((await after.get("a"))?.data).toEqual({ title: "Old", pages: 1 });
    expect((await after.list()).items.map(({ data }) => data)).toEqual([{ title: "Old", pages: 1 }]);
    expect(await after.updateStatus("a", "working")).toMatchObject({ version: 2, data: { pages: 1 } });
  });

  test("fields that only a newer service knows survive an older one's status change and progress", async ({
    store,
    stores,
  }) => {
    const after = stores.openFor(newer);
    await after.create({ title: "New", pages: 7, cover: "red" }, { id: "a" });
    await after.updateStatus("a", "working", { result: { url: "u", pages: 7 }, progress: { done: 1, of: 7 } });

    const seen = await store.get("a");
    expect(seen).toMatchObject({ data: { title: "New" }, result: { url: "u" }, progress: { done: 1 } });
    await store.updateStatus("a", "checking");
    expect(await after.get("a")).toMatchObject({
      ...{ status: "checking", data: { title: "New", pages: 7, cover: "red" } },
      ...{ result: { url: "u", pages: 7 }, progress: { done: 1, of: 7 } },
    });
    await store.updateProgress("a", { done: 2 });
    expect((await after.get("a"))?.data).toEqual({ title: "New", pages: 7, cover: "red" });
    expect((await after.list({ where: { cover: "red" } })).items).toMatchObject([{ id: "a", status: "checking" }]);
  });

  test("a job in a status that an older service does not know is unreadable to it, and is left as it is", async ({
    store,
    stores,
  }) => {
    const after = stores.openFor(newer);
    const { job } = await after.create({ title: "New" }, { id: "a" });
    await after.save({ ...job, status: "archived" });
    expect(await store.list()).toMatchObject({ items: [], unreadable: [{ id: "a" }] });
    await expect(store.updateStatus("a", "working")).rejects.toMatchObject({ code: expect.any(String), jobId: "a" });
    expect(await after.get("a")).toMatchObject({ status: "archived", version: 2 });
  });
}
