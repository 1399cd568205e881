import { expect, test } from "vitest";
import { ReporterChild } from "./reporter-child.js";
import { JournalFolder } from "./reporter-files.js";
import { openReporter, told } from "./reporter-fixture.js";
import { Outage } from "./reporter-outage.js";

/** Nobody listens there. */
const NOWHERE = "redis://127.0.0.1:1";

test("what a killed process was told is pending is made by the next one, and only once however often that is restarted", async () => {
  const folder = new JournalFolder();
  const outage = new Outage();
  const { store } = openReporter({ outage });
  const { job } = await store.create({ title: "One" }, { id: "a" });
  await store.create({ title: "Two" }, { id: "b" });
  const child = new ReporterChild(
    `
    const a = { id: "a", version: 1, createdAt: new Date(${job.createdAt.getTime()}) };
    say(await reporter.report(a, "working"));
    say(await reporter.report("b", "failed", { error: { message: "no" } }));
    say(await reporter.report(a, "done", { result: { url: "x" } }));
    setInterval(() => {}, 1000);
    `,
    NOWHERE,
    folder.file(),
  );
  await expect.poll(() => child.lines).toEqual(["pending", "pending", "pending"]);
  expect(() => openReporter({ outage, journalPath: folder.file() })).toThrow(`in use by process ${child.pid}`);
  await child.kill();

  for (const answersLost of [true, false, false]) {
    const { reporter, rejected } = openReporter({ outage, journalPath: folder.file() });
    if (answersLost) {
      expect(reporter.pending).toBe(3);
      outage.fate = (verb) => (verb === "move" ? "lost after" : "answered");
      await expect.poll(async () => (await store.get("a"))?.status).toBe("working");
    } else await reporter.flush();
    await reporter.close();
    outage.end();
    expect(rejected).toEqual([]);
  }
  expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 done");
  expect(told(await store.get("b"))).toBe("1 waiting, 2 failed");
});

test.each([1, 20, 300])(
  "killed after it was told %i times that a change is pending, it has lost none of them",
  async (count) => {
    const folder = new JournalFolder();
    const child = new ReporterChild(
      `
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (worker) => {
      for (let n = 0; ; n++) {
        const id = worker + "-" + n;
        if ((await reporter.report(id, "failed", { note: "n".repeat(n % 500) })) === "pending") say(id);
      }
    }));
    `,
      NOWHERE,
      folder.file(),
    );
    await expect.poll(() => child.lines.length, { interval: 1 }).toBeGreaterThanOrEqual(count);
    await child.kill();
    const outage = new Outage();
    const { store } = openReporter({ outage });
    for (const id of child.lines) await store.create({ title: "One" }, { id });
    const { reporter, rejected } = openReporter({ outage, journalPath: folder.file() });
    expect(reporter.pending).toBeGreaterThanOrEqual(child.lines.length);
    await reporter.flush();
    const failed = await store.getMany(child.lines);
    expect(failed.filter((job) => told(job) !== "1 waiting, 2 failed")).toEqual([]);
    // What was written and not yet answered may be there too: at most one change of each worker.
    expect(rejected.length).toBeLessThanOrEqual(8);
  },
  60_000,
);
