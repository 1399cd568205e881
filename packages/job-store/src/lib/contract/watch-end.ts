import { getEventListeners } from "node:events";
import { expect, vi } from "vitest";
import { createJobStore, type JobStore, type JobStoreDriver } from "../../index.js";
import type { Context } from "./context.js";
import { type Report, report } from "./definitions.js";
import { manyIds } from "./expectations.js";

const ENDED = { done: true, value: undefined };

/** Number of watchers. Node 20 warns of a leak if a signal has more than ten listeners. */
const MANY = 20;

/** Returns a driver that counts the reads of the event log that are in progress. */
function observed(driver: JobStoreDriver) {
  const reads = new Set<AbortSignal>();
  const open: JobStoreDriver["open"] = (config) => {
    const storage = driver.open(config);
    for (const log of storage.logs) {
      const after = log.after.bind(log);
      Object.assign(log, {
        after: async (...args: Parameters<typeof after>) => {
          const { signal } = args[1];
          reads.add(signal);
          return after(...args).finally(() => reads.delete(signal));
        },
      });
    }
    return storage;
  };
  return { driver: { name: driver.name, open, readMetadata: () => driver.readMetadata() }, reads };
}

/** Watches a job and waits for its next event. */
async function waitingForEvent(store: JobStore<Report>, id: string) {
  const events = store.watch(id)[Symbol.asyncIterator]();
  await events.next();
  return { leave: () => events.return?.(), next: events.next() };
}

/** Calls a function for each element, a few at a time, so that no call times out. */
async function inParts<T, R>(all: readonly T[], call: (one: T, n: number) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let first = 0; first < all.length; first += 50) {
    results.push(...(await Promise.all(all.slice(first, first + 50).map((one, n) => call(one, first + n)))));
  }
  return results;
}

export function earlyEnd({ test }: Context): void {
  test("a watch of a job ends at once while it waits for an event", async ({ store }) => {
    const { leave, next } = await waitingForEvent(store, "a");
    expect(await leave()).toEqual(ENDED);
    expect(await next).toEqual(ENDED);
  });

  test("a watch of all jobs ends at once in every phase", async ({ store }) => {
    const beginning = store.watch()[Symbol.asyncIterator]();
    const first = beginning.next();
    expect(await beginning.return?.()).toEqual(ENDED);
    expect(await first).toEqual(ENDED);

    const events = store.watch()[Symbol.asyncIterator]();
    const created = events.next();
    // Before this read, the watch has no position in the log.
    await store.counts();
    await store.counts();
    await store.create({ title: "One" }, { id: "a" });
    expect(await created).toMatchObject({ value: { type: "created", id: "a" } });
    const next = events.next();
    expect(await events.return?.()).toEqual(ENDED);
    expect(await next).toEqual(ENDED);
    expect(await events.next()).toEqual(ENDED);
  });

  test("a watch that ends before its first event makes no call", async ({ store }) => {
    const events = store.watch("a")[Symbol.asyncIterator]();
    expect(await events.return?.()).toEqual(ENDED);
    expect(await events.next()).toEqual(ENDED);
  });

  test("a scan ends at once while it waits for a page", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const jobs = store.scan()[Symbol.asyncIterator]();
    const next = jobs.next();
    expect(await jobs.return?.()).toEqual(ENDED);
    expect(await next).toEqual(ENDED);
  });

  test("the log is not read after all of 300 watches have ended", async ({ underTest }) => {
    const { driver, reads } = observed(underTest.driver);
    await using store = createJobStore({ job: report, driver });
    const watchers = await inParts(manyIds(300), (id) => waitingForEvent(store, id));
    await vi.waitFor(() => expect(reads.size).toBeGreaterThan(0), { timeout: 20_000 });
    await Promise.all(watchers.map(({ leave }) => leave()));
    // While there is a watch, each read is followed by another one.
    await vi.waitFor(() => expect(reads.size).toBe(0), { timeout: 20_000 });
    expect(await Promise.all(watchers.map(({ next }) => next))).toEqual(watchers.map(() => ENDED));
  });

  test("watches, waits and outbox readers share listeners, so Node does not warn of a leak", async ({ underTest }) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    const { driver, reads } = observed(underTest.driver);
    const stores = Array.from({ length: 8 }, () => createJobStore({ job: report, driver }));
    try {
      const store = stores[0] as JobStore<Report>;
      await store.create({ title: "One" }, { id: "a" });
      const stop = new AbortController();
      const { signal } = stop;
      const waits = Array.from({ length: MANY }, () => store.waitFor("a", { signal }).catch(() => "stopped"));
      const empty = Array.from({ length: MANY }, () => store.outbox.read({ waitMs: 60_000, signal }));
      const watchers = await inParts(manyIds(1000), async (id, n) => {
        const events = stores[n % stores.length]?.watch(id, { signal })[Symbol.asyncIterator]();
        await events?.next();
        return { next: events?.next() };
      });
      await vi.waitFor(() => expect(reads.size).toBeGreaterThan(0), { timeout: 20_000 });
      const signals = [signal, ...reads];
      expect(Math.max(...signals.map((one) => getEventListeners(one, "abort").length))).toBeLessThanOrEqual(10);
      stop.abort();
      expect(await Promise.all(waits)).toEqual(waits.map(() => "stopped"));
      expect(await Promise.all(empty)).toEqual(empty.map(() => []));
      expect(await Promise.all(watchers.map(({ next }) => next))).toEqual(watchers.map(() => ENDED));
      expect(getEventListeners(signal, "abort")).toEqual([]);
      await Promise.all(stores.map((one) => one.close()));
      // Node emits warnings in a later event-loop tick.
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings.map(String)).toEqual([]);
    } finally {
      process.off("warning", onWarning);
      await Promise.all(stores.map((one) => one.close()));
    }
  });
}
