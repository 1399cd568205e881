import { expect, vi } from "vitest";
import type { JobStore, StoreEvent } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal, laterThan, manyIds, PATIENCE, view } from "./expectations.js";
import { claim, claimed, createClaimed, createRequested, direct, MINUTE } from "./requests.js";

const HOUR = 60 * MINUTE;
/** Names that need care in keys, scripts and texts. */
const UNUSUAL = ['a "quoted" name', "line\nbreak", "séance 映画 🎬", "* [a] \\", "q".repeat(255)];

/** Returns the time of the storage's clock. */
async function storageTime(store: JobStore<Report>): Promise<number> {
  const { job } = await store.create({ title: "A clock" });
  await store.delete(job.id);
  return job.createdAt.getTime();
}

export function pauses({ test }: Context): void {
  test("no job is claimed for a paused queue, and a refused claim changes nothing", async ({ store, stores }) => {
    const [message] = await createRequested(store, "a", "reports");
    const before = await view(store);
    const until = new Date((await storageTime(store)) + HOUR);
    await store.pauseQueue("reports", { until, reason: "The printer is out of paper.", by: "Ann" });
    const paused = { kind: "paused", until, reason: "The printer is out of paper." };
    for (const one of [store, stores.openApart()]) expect(await claim(one, "a", message)).toEqual(paused);
    expect(await view(store)).toEqual(before);
    expect(await store.resumeQueue("reports", { by: "Ann" })).toBe(true);
    await claimed(store, "a", message);
  });

  test("a pause without options has no end, no reason and no author", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    await store.pauseQueue("reports");
    expect(await claim(store, "a")).toEqual({ kind: "paused", until: null, reason: null });
    expect(await store.pausedQueues()).toEqual([
      { queue: "reports", since: expect.any(Date), until: null, reason: null, by: null },
    ]);
  });

  test("a pause concerns one queue", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    await store.pauseQueue("others");
    await claimed(store, "a", direct("m-1", "reports"));
  });

  test("running jobs continue, and an earlier claim keeps its answer", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { key: "k" });
    await store.pauseQueue("reports");
    expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
    expect(await claimed(store, "a", direct(), { key: "k" })).toMatchObject({ job: { version: job.version } });
    await store.updateProgress(job, { done: 1 });
    await store.updateStatus(job, "done", { handled: true });
  });

  test("every other answer of a claim comes first", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    await store.pauseQueue("reports");
    expect(await claim(store, "none")).toEqual({ kind: "missing" });
    expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "leased" });
    await store.updateStatus(job, "checking", { handled: true });
    expect(await claim(store, "a", message)).toEqual({ kind: "handled" });
    expect(await claim(store, "a", direct("m-3"), { ifVersion: 1 })).toEqual({ kind: "changed" });
    expect(await claim(store, "a", direct("m-3"))).toMatchObject({ kind: "paused" });
    await store.updateStatus("a", "done");
    expect(await claim(store, "a", direct("m-3"))).toEqual({ kind: "moved" });
  });

  test("a pause ends at its time, by the clock of the storage", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const until = new Date((await storageTime(store)) + 200);
    await store.pauseQueue("reports", { until });
    const answer = await vi.waitUntil(async () => {
      const { kind, ...rest } = await claim(store, "a");
      return kind === "claimed" && "job" in rest ? rest.job : null;
    }, PATIENCE);
    expect(answer.statusAt.getTime()).toBeGreaterThanOrEqual(until.getTime());
    expect(await store.pausedQueues()).toEqual([]);
    expect(await store.resumeQueue("reports")).toBe(false);
  });

  test("a repeated call replaces the end, the reason and the author, and keeps the begin", async ({ store }) => {
    const now = await storageTime(store);
    await store.pauseQueue("reports", { until: new Date(now + HOUR), reason: "First.", by: "Ann" });
    const [first] = await store.pausedQueues();
    expect(Number(first?.since)).toBeGreaterThanOrEqual(now);
    await laterThan(store, first?.since as Date);
    await store.pauseQueue("reports", { until: new Date(now + MINUTE), by: "Bob" });
    const shorter = { queue: "reports", since: first?.since, until: new Date(now + MINUTE), reason: null, by: "Bob" };
    expect(await store.pausedQueues()).toEqual([shorter]);
    await store.pauseQueue("reports", { reason: "Third." });
    expect(await store.pausedQueues()).toEqual([{ ...shorter, until: null, reason: "Third.", by: null }]);
    // A time that has passed ends it.
    await store.pauseQueue("reports", { until: new Date(now - 1) });
    expect(await store.pausedQueues()).toEqual([]);
    await store.create({ title: "One" }, { id: "a" });
    await claimed(store, "a");
  });

  test("with `unlessLonger`, a pause is never shortened, and never replaced if it has no end", async ({ store }) => {
    const now = await storageTime(store);
    const pause = async (minutes: number | null, unlessLonger = true) => {
      const until = minutes === null ? {} : { until: new Date(now + minutes * MINUTE) };
      await store.pauseQueue("reports", { ...until, by: String(minutes), ...(unlessLonger && { unlessLonger: true }) });
      return (await store.pausedQueues()).map(({ by }) => by);
    };
    expect(await pause(5)).toEqual(["5"]);
    expect(await pause(4)).toEqual(["5"]);
    expect(await pause(6)).toEqual(["6"]);
    expect(await pause(null)).toEqual(["null"]);
    expect(await pause(1000)).toEqual(["null"]);
    expect(await pause(3, false)).toEqual(["3"]);
    expect(await pause(-1)).toEqual(["3"]);
  });

  test("only a paused queue is resumed", async ({ store }) => {
    expect(await store.resumeQueue("reports")).toBe(false);
    await store.pauseQueue("reports");
    await store.pauseQueue("others");
    expect(await store.resumeQueue("reports")).toBe(true);
    expect(await store.resumeQueue("reports")).toBe(false);
    expect((await store.pausedQueues()).map(({ queue }) => queue)).toEqual(["others"]);
    await store.create({ title: "One" }, { id: "a" });
    expect(await claim(store, "a", direct("m", "others"))).toMatchObject({ kind: "paused" });
    await claimed(store, "a", direct("m", "reports"));
  });

  test("the longest reason has 1,000 characters", async ({ store }) => {
    const reason = "é".repeat(1000);
    await store.pauseQueue("reports", { reason });
    expect(await store.pausedQueues()).toMatchObject([{ reason }]);
    await expectRefusal(store.pauseQueue("reports", { reason: `${reason}é` }), "INVALID_ARGUMENT");
  });

  test("the name of a queue, a reason and an author can be any text", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    for (const name of UNUSUAL) await store.pauseQueue(name, { reason: name, by: name });
    const paused = await store.pausedQueues();
    expect(paused.map(({ queue, reason, by }) => [queue, reason, by])).toEqual(
      UNUSUAL.toSorted().map((name) => [name, name, name]),
    );
    for (const name of UNUSUAL) {
      expect(await claim(store, "a", direct("m", name))).toEqual({ kind: "paused", until: null, reason: name });
      expect(await store.resumeQueue(name)).toBe(true);
    }
    await claimed(store, "a", direct("m", UNUSUAL[0]));
  });

  test("after `pauseQueue` has resolved, no claim of any store succeeds", async ({ store, stores }) => {
    const ids = manyIds(60);
    await store.createMany(ids.map((id) => ({ id, data: { title: "One" } })));
    const others = [store, stores.openApart(), stores.openApart()];
    let paused = false;
    const late: string[] = [];
    const claims = ids.map(async (id, n) => {
      // Claims are sent before, during and after the pause.
      for (let turn = 0; turn < n / 10; turn++) await store.pausedQueues();
      const wasPaused = paused;
      const { kind } = await claim(others[n % 3] as JobStore<Report>, id);
      if (wasPaused && kind !== "paused") late.push(id);
      return kind;
    });
    const pausing = (async () => {
      for (let turn = 0; turn < 3; turn++) await store.pausedQueues();
      await store.pauseQueue("reports");
      paused = true;
    })();
    const kinds = new Set(await Promise.all(claims));
    await pausing;
    expect(late).toEqual([]);
    expect(kinds).toEqual(new Set(["claimed", "paused"]));
    expect(await claim(store, ids.at(-1) as string)).toMatchObject({ kind: "paused" });
  });

  test("health warns while a queue is paused, and the store is still healthy", async ({ store }) => {
    const before = await store.health();
    const until = new Date((await storageTime(store)) + HOUR);
    await store.pauseQueue("reports", { until, reason: "No paper.", by: "Ann" });
    await store.pauseQueue("others");
    const { status, warnings } = await store.health();
    expect(status).toBe(before.status);
    const paused = await store.pausedQueues();
    const [others, reports] = paused.map(({ since }) => since.toISOString());
    expect(warnings.filter((warning) => warning.includes("paused")).sort()).toEqual([
      `The queue "others" is paused since ${others} until it is resumed.`,
      `The queue "reports" is paused since ${reports} until ${until.toISOString()}, by Ann. Reason: No paper.`,
    ]);
    for (const { queue } of paused) await store.resumeQueue(queue);
    expect((await store.health()).warnings).toEqual(before.warnings);
  });

  test("the store that pauses or resumes a queue reports it as an event", async ({ stores }) => {
    const events: StoreEvent[] = [];
    const store = stores.open({ onEvent: (event) => events.push(event) });
    await store.pauseQueue("reports", { reason: "No paper.", by: "Ann" });
    await store.resumeQueue("reports", { by: "Bob" });
    await store.resumeQueue("reports");
    expect(events.filter(({ type }) => type === "paused" || type === "resumed")).toEqual([
      { type: "paused", message: 'The queue "reports" is paused until it is resumed, by Ann. Reason: No paper.' },
      { type: "resumed", message: 'The queue "reports" was resumed by Bob.' },
    ]);
  });
}
