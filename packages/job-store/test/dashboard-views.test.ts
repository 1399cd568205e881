import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createDashboard } from "../src/dashboard.js";
import { createJobStore, defineJob } from "../src/index.js";
import { jobIn, report, step } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";
import { clientOf, openDashboard, reportWithArchive, requestOf } from "./dashboard-client.js";

describe("views", () => {
  test("a job is in its list and on its own page", async () => {
    const { store, client } = openDashboard();
    await store.create({ title: "One", owner: "parent" }, { id: "a", by: "alice" });
    await store.create({ title: "Parent" }, { id: "parent" });
    const { items, total } = await client.call("jobs", {});
    expect(total).toBe(2);
    expect(items).toMatchObject([{ id: "parent" }, { id: "a", data: '{"title":"One","owner":"parent"}' }]);
    const job = await client.call("job", { id: "a" });
    expect(job).toMatchObject({ id: "a", version: 1, history: [{ status: "waiting", attempt: 1, by: "alice" }] });
    expect(job?.data).toMatchObject({ jobs: { owner: "parent" }, cut: false });
    expect((await client.call("job", { id: "parent" }))?.children).toMatchObject([
      { field: "owner", counts: { waiting: 1 } },
    ]);
    expect(await client.call("job", { id: "b" })).toBeNull();
  });

  test("the timeline has the attempt of each change", async () => {
    const { store, client } = openDashboard();
    await jobIn(store, "failed", "a");
    await step(store, "a", "waiting");
    await step(store, "a", "failed", { error: { message: "no", code: "NO" }, note: "bad" });
    const job = await client.call("job", { id: "a" });
    expect(job?.history.map(({ status, attempt }) => [status, attempt])).toEqual([
      ["waiting", 1],
      ["failed", 1],
      ["waiting", 2],
      ["failed", 2],
    ]);
    expect(job?.history.every(({ durationMs }) => durationMs >= 0)).toBe(true);
    expect(job).toMatchObject({ error: { message: "no", code: "NO", retryable: null } });
    expect((await client.call("durations", {})).jobs).toBe(1);
  });

  test("the number of a list equals the rows that paging reaches", async () => {
    const { store, client } = openDashboard();
    const ids = Array.from({ length: 25 }, (_, n) => `job-${n}`);
    await store.createMany(ids.map((id, n) => ({ id, data: { title: id, label: n < 13 ? "red" : "blue" } })));
    await step(store, "job-0", "failed");
    for (const query of [{}, { status: "waiting" }, { where: { label: "red" } }]) {
      const found: string[] = [];
      let cursor: string | null | undefined;
      do {
        const page = await client.call("jobs", { ...query, limit: 10, cursor: cursor ?? undefined });
        found.push(...page.items.map(({ id }) => id));
        ({ cursor } = page);
        if (cursor === null) expect(page.total).toBe(found.length);
      } while (cursor !== null);
    }
    const ranged = await client.call("jobs", { after: new Date(0).toISOString() });
    expect(ranged).toMatchObject({ total: null });
  });

  test("a large value is cut, and can be downloaded whole", async () => {
    const { store, dashboard, client } = openDashboard();
    await store.create({ title: "é".repeat(50_000) }, { id: "a" });
    const view = (await client.call("job", { id: "a" }))?.data;
    expect(view).toMatchObject({ cut: true });
    expect(Buffer.byteLength(view?.text ?? "")).toBeLessThanOrEqual(65_536);
    expect(view?.text).not.toContain("\uFFFD");
    const file = await dashboard.fetch(requestOf("value", { store: "reports", id: "a", part: "data" }));
    expect(file.headers.get("content-disposition")).toBe('attachment; filename="a.data.json"');
    const text = await file.text();
    expect(JSON.parse(text)).toEqual({ title: "é".repeat(50_000) });
    expect(view?.bytes).toBe(Buffer.byteLength(text));
  });

  test("an overview has counts, minutes, outbox, health and workers", async () => {
    const { store, client } = openDashboard();
    await store.create({ title: "One" }, { outbox: [{ queue: "q", payload: 1 }] });
    const overview = await client.call("overview", {});
    expect(overview).toMatchObject({ counts: { waiting: 1 }, outbox: { waiting: 1 }, workers: 0, paused: [] });
    expect(overview.minutes.created.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(overview.health.status).toBe("healthy");
  });

  test("the ending of the newest job in a final status is known, whatever the names of the statuses are", async () => {
    const job = defineJob({
      name: "report",
      data: z.object({ title: z.string() }),
      result: z.object({ url: z.string() }),
      initial: "fail",
      statuses: {
        fail: { next: ["error", "done", "ready", "success"] },
        error: { next: [], final: true },
        done: { next: [], final: true },
        ready: { next: [], final: true },
        success: { next: [], final: true },
      },
    });
    const driver = memoryDriver();
    const store = createJobStore({ job, driver });
    const dashboard = createDashboard({ stores: { reports: { store } }, may: () => true });
    onTestFinished(async () => {
      await dashboard.close();
      await store.close();
    });
    const client = clientOf(dashboard);
    expect(await client.call("endings", {})).toEqual({});
    for (const id of ["a", "b", "c", "d"]) await store.create({ title: id }, { id });
    await store.updateStatus("a", "error", { result: { url: "/a" } });
    await store.updateStatus("b", "done", { error: { message: "no" }, result: { url: "/b" } });
    await store.updateStatus("c", "ready");
    expect(await client.call("endings", {})).toEqual({ error: "result", done: "error", ready: "neither" });
    await store.updateStatus("d", "done", { result: { url: "/d" } });
    expect(await client.call("endings", {})).toMatchObject({ done: "result" });
    const strict = createJobStore({ job: defineJob({ ...job, data: z.object({ title: z.number() }) }), driver });
    const other = createDashboard({ stores: { reports: { store: strict } }, may: () => true });
    onTestFinished(async () => {
      await other.close();
      await strict.close();
    });
    expect(await clientOf(other).call("endings", {})).toEqual({ error: "neither", done: "neither", ready: "neither" });
  });

  test("a store of a driver is opened from the recorded description", async () => {
    const driver = memoryDriver();
    const dashboard = createDashboard({ stores: { reports: { driver } }, may: () => true });
    onTestFinished(() => dashboard.close());
    const client = clientOf(dashboard);
    const [none] = (await client.call("open", {})).stores;
    expect(none).toMatchObject({ key: "reports", error: expect.stringContaining("No service") });
    const store = createJobStore({ job: report, driver });
    onTestFinished(() => store.close());
    await store.create({ title: "One" }, { id: "a" });
    const [info] = (await client.call("open", {})).stores;
    expect(info).toMatchObject({ name: "report", fields: ["label", "owner"], lifecycle: true, error: null });
    expect(info?.statuses.find(({ name }) => name === "failed")).toMatchObject({
      final: true,
      retryTo: ["waiting", "abandoned"],
    });
    expect((await client.call("jobs", {})).items).toMatchObject([{ id: "a" }]);
  });

  test("a store of a driver is opened again when a service has recorded another definition", async () => {
    const driver = memoryDriver();
    const first = createJobStore({ job: report, driver });
    onTestFinished(() => first.close());
    await first.create({ title: "One" }, { id: "a" });
    const dashboard = createDashboard({ stores: { reports: { driver } }, may: () => true });
    onTestFinished(() => dashboard.close());
    const client = clientOf(dashboard);
    const statusesOf = async () => (await client.call("open", {})).stores[0]?.statuses.map(({ name }) => name);
    expect(await statusesOf()).not.toContain("archived");
    const second = createJobStore({ job: reportWithArchive, driver });
    onTestFinished(() => second.close());
    await second.create({ title: "Two" }, { id: "b" });
    expect(await statusesOf()).toContain("archived");
    expect((await client.call("jobs", {})).items).toHaveLength(2);
  });

  test("links of the application are shown, unless their address is of another kind", async () => {
    const links = () => [
      { text: "Trace", url: "https://trace/a" },
      { text: "Own", url: "/videos/a" },
      { text: "Bad", url: "javascript:alert(1)" },
      { text: "Bad", url: "data:text/html,x" },
    ];
    const { store, client } = openDashboard({ parts: { links } });
    await store.create({ title: "One" }, { id: "a" });
    expect((await client.call("job", { id: "a" }))?.links.map(({ text }) => text)).toEqual(["Trace", "Own"]);
  });
});
