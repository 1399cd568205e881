import { expect, test, vi } from "vitest";
import { step } from "../src/lib/contract/definitions.js";
import type { WatchLine } from "../src/lib/dashboard/protocol.js";
import { memoryDriver } from "../src/memory.js";
import { linesOf, openDashboard, requestOf } from "./dashboard-client.js";

/** Opens pages that listen. Returns the lines of each. */
async function listen({ dashboard }: ReturnType<typeof openDashboard>, pages = 1) {
  const stop = new AbortController();
  const lines = await Promise.all(
    Array.from({ length: pages }, async () => {
      const request = new Request(requestOf("watch", { store: "reports" }), { signal: stop.signal });
      const found: WatchLine[] = [];
      const reply = await dashboard.fetch(request);
      const read = async () => {
        for await (const line of linesOf(reply)) found.push(line);
      };
      return { found, ended: read() };
    }),
  );
  await vi.waitFor(() => expect(lines.every(({ found }) => found.length > 0)).toBe(true), { timeout: 60_000 });
  return { lines, stop };
}

test("pages get the ids of changed jobs with the counts", async () => {
  const opened = openDashboard();
  const { lines, stop } = await listen(opened);
  const [{ found, ended }] = lines as [(typeof lines)[0]];
  expect(found).toMatchObject([{ changed: null, counts: { waiting: 0 } }]);
  await opened.store.create({ title: "One" }, { id: "a" });
  await vi.waitFor(() => expect(found.at(-1)).toMatchObject({ changed: ["a"], counts: { waiting: 1 } }));
  await step(opened.store, "a", "working");
  await vi.waitFor(() => expect(found.at(-1)).toMatchObject({ changed: ["a"], counts: { waiting: 0, working: 1 } }));
  stop.abort();
  await ended;
});

test("live updates are neither stored nor compressed", async () => {
  const { dashboard } = openDashboard();
  const stop = new AbortController();
  const reply = await dashboard.fetch(new Request(requestOf("watch", { store: "reports" }), { signal: stop.signal }));
  expect(reply.headers.get("cache-control")).toBe("no-store, no-transform");
  stop.abort();
});

test("at most 1,000 pages listen, and another one gets 503 until one leaves", async () => {
  const opened = openDashboard();
  const stops = Array.from({ length: 1000 }, () => new AbortController());
  const watch = (signal: AbortSignal) =>
    opened.dashboard.fetch(new Request(requestOf("watch", { store: "reports" }), { signal }));
  for (const { signal } of stops) expect((await watch(signal)).status).toBe(200);
  const refused = await watch(new AbortController().signal);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    error: { code: "UNAVAILABLE", message: expect.stringContaining("pages") },
  });
  expect(await opened.client.call("jobs", {})).toMatchObject({ items: [] });
  stops[0]?.abort();
  const next = new AbortController();
  expect((await watch(next.signal)).status).toBe(200);
  for (const stop of [...stops, next]) stop.abort();
});

test("100 pages share one watch, one count per line and one clock, and the watch ends with the last page", async () => {
  const opened = openDashboard();
  const watch = vi.spyOn(opened.store, "watch");
  const counts = vi.spyOn(opened.store, "counts");
  const clock = vi.spyOn(opened.store, "activity");
  const { lines, stop } = await listen(opened, 100);
  const ids = Array.from({ length: 1000 }, (_, n) => `job-${n}`);
  const before = lines.map(({ found }) => found.length);
  const counted = counts.mock.calls.length;
  const startedAt = performance.now();
  for (const id of ids) {
    await opened.store.create({ title: id }, { id });
    // Timers can fire between two changes.
    await new Promise(setImmediate);
  }
  await vi.waitFor(() => {
    for (const { found } of lines) expect(found.at(-1)).toMatchObject({ counts: { waiting: 1000 } });
  }, 60_000);
  // At most two lines per second, with one count for all pages. They also share the readings of the clock.
  const most = 2 + (performance.now() - startedAt) / 500;
  for (const [n, { found }] of lines.entries()) expect(found.length - (before[n] ?? 0)).toBeLessThanOrEqual(most);
  expect(counts.mock.calls.length - counted).toBeLessThanOrEqual(most);
  expect(watch).toHaveBeenCalledTimes(1);
  expect(clock.mock.calls.length).toBeLessThanOrEqual(most);
  const signal = watch.mock.lastCall?.[1]?.signal;
  expect(signal?.aborted).toBe(false);
  stop.abort();
  await Promise.all(lines.map(({ ended }) => ended));
  expect(signal?.aborted).toBe(true);
});

test("more than 500 changes between two lines are not listed", async () => {
  const opened = openDashboard();
  const { lines, stop } = await listen(opened);
  const [{ found, ended }] = lines as [(typeof lines)[0]];
  await opened.store.createMany(Array.from({ length: 600 }, (_, n) => ({ data: { title: "One" }, id: `job-${n}` })));
  await vi.waitFor(() => expect(found.at(-1)).toMatchObject({ counts: { waiting: 600 } }), 60_000);
  expect(found.slice(1).some(({ changed }) => changed === null)).toBe(true);
  stop.abort();
  await ended;
});

test("live updates continue after an outage", async () => {
  const driver = memoryDriver();
  const opened = openDashboard({ driver });
  const { lines, stop } = await listen(opened);
  const [{ found, ended }] = lines as [(typeof lines)[0]];
  driver.faults.goAway();
  const { length } = found;
  driver.faults.comeBack();
  await opened.store.create({ title: "One" }, { id: "a" });
  await vi.waitFor(() => expect(found.at(-1)).toMatchObject({ counts: { waiting: 1 } }), 60_000);
  expect(found.length).toBeGreaterThan(length);
  stop.abort();
  await ended;
});

test("closing the dashboard ends the streams", async () => {
  const opened = openDashboard();
  const { lines } = await listen(opened, 3);
  await opened.dashboard.close();
  await Promise.all(lines.map(({ ended }) => ended));
});

test("an aborted request ends its stream, also after a garbage collection", async () => {
  const { lines, stop } = await listen(openDashboard(), 10);
  for (let n = 0; n < 5; n++) {
    globalThis.gc?.();
    await new Promise(setImmediate);
  }
  stop.abort();
  await Promise.all(lines.map(({ ended }) => ended));
});
