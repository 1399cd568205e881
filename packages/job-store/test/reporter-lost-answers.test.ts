import { describe, expect, test } from "vitest";
import { createJobStore, createReporter, type Job } from "../src/index.js";
import { type Report, strictReport } from "../src/lib/contract/definitions.js";
import { type Fixture, openReporter, told } from "./reporter-fixture.js";
import type { Fate } from "./reporter-outage.js";

/** Creates a job in "working". This status can follow itself, so that a change applied twice would show. */
async function workingJob({ store }: Fixture): Promise<Job<Report>> {
  const { job } = await store.create({ title: "One" }, { id: "a" });
  return store.updateStatus(job.id, "working");
}

const targets = {
  "by id": (job: Job<Report>) => job.id,
  "by snapshot": (job: Job<Report>) => job,
};
const LOST: readonly Fate[] = ["lost before", "lost after"];

for (const [way, targetOf] of Object.entries(targets)) {
  for (const fate of LOST) {
    describe(`a change ${way} whose reply was ${fate} it was applied`, () => {
      test("is applied once, before the changes that follow", async () => {
        const fixture = openReporter();
        const { store, reporter, outage, rejected } = fixture;
        const job = await workingJob(fixture);
        outage.once("updateStatus", fate);
        expect(await reporter.report(targetOf(job), "working", { note: "again" })).toBe("pending");
        await reporter.report(targetOf(job), "done");
        await reporter.flush();
        expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working, 4 done");
        expect(rejected).toEqual([]);
        expect(reporter.pending).toBe(0);
      });

      test("is applied once, even if other jobs receive their replies in the same tick", async () => {
        const fixture = openReporter();
        const { store, reporter, outage, rejected } = fixture;
        const job = await workingJob(fixture);
        const others = await Promise.all(["b", "c", "d"].map((id) => store.create({ title: "One" }, { id })));
        let lost = false;
        outage.fate = (verb, id) => {
          if (lost || verb !== "updateStatus" || id !== "a") return "answered";
          lost = true;
          return fate;
        };
        await Promise.all([
          reporter.report(targetOf(job), "working"),
          ...others.map((other) => reporter.report(other.job.id, "working")),
        ]);
        await reporter.flush();
        expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working");
        expect(rejected).toEqual([]);
      });

      test("is applied once, also if several replies are lost", async () => {
        const fixture = openReporter();
        const { store, reporter, outage, rejected } = fixture;
        const job = await workingJob(fixture);
        let calls = 0;
        // Every other read fails, too.
        outage.fate = (verb) => (verb === "updateStatus" ? fate : calls++ % 2 === 0 ? "refused" : "answered");
        await reporter.report(targetOf(job), "working");
        await expect.poll(() => outage.calls.length > 5 || reporter.pending === 0).toBe(true);
        outage.end();
        await reporter.flush();
        expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working");
        expect(rejected).toEqual([]);
      });

      test("is rejected with NOT_FOUND if the job was deleted in the meantime, and does not restore it", async () => {
        const fixture = openReporter();
        const { store, reporter, outage, rejected } = fixture;
        const job = await workingJob(fixture);
        outage.begin(fate);
        await reporter.report(targetOf(job), "working");
        outage.end();
        await store.delete("a");
        await reporter.flush();
        expect(rejected).toMatchObject([{ id: "a", to: "working", error: { code: "NOT_FOUND" } }]);
        expect(await store.get("a")).toBeNull();
      });

      test("is rejected as indeterminate if the job cannot be read any more", async () => {
        const fixture = openReporter();
        const { store, outage } = fixture;
        await workingJob(fixture);
        const strict = createJobStore({ job: strictReport, driver: outage.driver });
        const rejected: unknown[] = [];
        const reporter = createReporter(strict, { onRejected: (change) => rejected.push(change) });
        const snapshot = (await strict.get("a")) as unknown as Job<Report>;
        outage.begin(fate);
        await reporter.report(targetOf(snapshot) as never, "working");
        outage.end();
        const job = (await store.get("a")) as Job<Report>;
        await store.save({ ...job, data: { title: "Too long for it" } });
        await reporter.flush();
        expect(rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: true } }]);
        await reporter.close();
      });

      test("is rejected as indeterminate if the history does not contain the time of the report", async () => {
        const fixture = openReporter({ store: { historyLimit: 1 } });
        const { store, reporter, outage, rejected } = fixture;
        const job = await workingJob(fixture);
        outage.begin(fate);
        await reporter.report(targetOf(job), "working");
        outage.end();
        await store.updateStatus("a", "working", { by: "another" });
        const { version } = await store.updateStatus("a", "working", { by: "another" });
        await reporter.flush();
        expect(rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: true } }]);
        expect(rejected[0]?.error.message).toContain("history of the job is too short");
        expect(await store.get("a")).toMatchObject({ version });
      });

      test("is rejected as indeterminate if there was no room for it to wait", async () => {
        const fixture = openReporter({ maxPending: 0 });
        const job = await workingJob(fixture);
        fixture.outage.begin(fate);
        expect(await fixture.reporter.report(targetOf(job), "working")).toBe("rejected");
        expect(fixture.rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: true } }]);
      });

      test("is rejected as indeterminate if the reporter was closed before the outcome was known", async () => {
        const fixture = openReporter();
        const job = await workingJob(fixture);
        fixture.outage.begin(fate);
        expect(await fixture.reporter.report(targetOf(job), "working")).toBe("pending");
        await fixture.reporter.close();
        expect(fixture.rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: true } }]);
      });
    });
  }
}

test.each(Object.entries(targets))(
  "a change %s that the history does not contain, and that fails again, is rejected as not applied",
  async (_, targetOf) => {
    const fixture = openReporter();
    const { reporter, outage, rejected } = fixture;
    const job = await workingJob(fixture);
    let moves = 0;
    outage.fate = (verb) => (verb === "read" ? "answered" : moves++ === 0 ? "lost before" : "refused");
    expect(await reporter.report(targetOf(job), "working")).toBe("pending");
    await expect.poll(() => moves).toBeGreaterThan(1);
    await reporter.close();
    expect(rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: false } }]);
  },
);

describe("the same change by another process", () => {
  const same = { by: "worker", note: "took it" };

  test("by snapshot, is a conflict and not mistaken for the own change", async () => {
    const fixture = openReporter();
    const { store, reporter, outage, rejected } = fixture;
    const job = await workingJob(fixture);
    outage.begin("lost before");
    await reporter.report(job, "working", same);
    await reporter.report(job, "done", same);
    outage.end();
    await store.updateStatus("a", "working", same);
    await reporter.flush();
    expect(rejected.map(({ to, error }) => [to, error.code])).toEqual([
      ["working", "CONFLICT"],
      ["done", "CONFLICT"],
    ]);
    expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working");
  });

  test("by id, both are applied", async () => {
    const fixture = openReporter();
    const { store, reporter, outage, rejected } = fixture;
    await workingJob(fixture);
    outage.begin("lost before");
    await reporter.report("a", "working", same);
    outage.end();
    await store.updateStatus("a", "working", same);
    await reporter.flush();
    expect(rejected).toEqual([]);
    expect(told(await store.get("a"))).toBe("1 waiting, 2 working, 3 working, 4 working");
  });
});

test("the own change is found in the history although others have changed the job since", async () => {
  const fixture = openReporter();
  const { store, reporter, outage, rejected } = fixture;
  const job = await workingJob(fixture);
  outage.begin("lost after");
  await reporter.report(job, "failed");
  await reporter.report("a", "failed");
  outage.end();
  // The second report is applied before or after this change, but once.
  await store.updateStatus("a", "waiting");
  await reporter.flush();
  const history = (await store.get("a"))?.history ?? [];
  expect(rejected).toEqual([]);
  expect(history.filter(({ to }) => to === "failed")).toHaveLength(2);
});

test("a truncated history is sufficient if its oldest entry is older than the report", async () => {
  const fixture = openReporter({ store: { historyLimit: 4 } });
  const { store, reporter, outage, rejected } = fixture;
  const job = await workingJob(fixture);
  const at = new Date(Date.now() - 3_600_000);
  const history = [5, 6, 7, 8].map((version) => ({ from: "working", to: "working", at, version }) as const);
  const { version } = await store.save({ ...job, history });
  outage.begin("lost before");
  await reporter.report("a", "working");
  outage.end();
  await reporter.flush();
  expect(rejected).toEqual([]);
  expect(await store.get("a")).toMatchObject({ version: version + 1 });
});

test("by snapshot, a job that was deleted and created again is another job", async () => {
  const fixture = openReporter();
  const { store, reporter, outage, rejected } = fixture;
  const job = await workingJob(fixture);
  outage.begin("lost after");
  await reporter.report(job, "working");
  outage.end();
  await store.delete("a");
  await store.save({ ...job, version: 7, createdAt: new Date(job.createdAt.getTime() + 1), history: [] });
  await reporter.flush();
  expect(rejected).toMatchObject([{ error: { code: "CONFLICT", currentVersion: 7 } }]);
});

test("an error of the store that is not a JobStoreError rejects the change, and the reporter continues", async () => {
  const fixture = openReporter();
  const { store, reporter, rejected } = fixture;
  const job = await workingJob(fixture);
  const updateStatus = store.updateStatus;
  store.updateStatus = () => Promise.reject(new TypeError("a bug, with s3cret"));
  expect(await reporter.report(job, "working")).toBe("rejected");
  expect(rejected).toMatchObject([{ error: { code: "UNAVAILABLE", indeterminate: true } }]);
  expect(rejected[0]?.error.message).not.toContain("s3cret");
  store.updateStatus = updateStatus;
  expect(await reporter.report(job, "done")).toBe("stored");
});
