import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createJobStore, createReporter, type Job } from "../src/index.js";
import { next, type Report, report, STATUSES, type Status } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";
import type { Rejection } from "./reporter-fixture.js";
import { type Fate, Outage } from "./reporter-outage.js";

const IDS = ["a", "b", "c"] as const;
type Id = (typeof IDS)[number];
const perId = <T>(value: () => T): Record<Id, T> => ({ a: value(), b: value(), c: value() });

const anyId = fc.constantFrom(...IDS);
const anyFates = fc.array(fc.constantFrom<Fate>("refused", "lost before", "lost after", "answered"), { maxLength: 6 });

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      id: anyId,
      by: fc.constantFrom("id" as const, "snapshot" as const),
      to: fc.constantFrom(...STATUSES),
      wait: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("progress" as const), id: anyId }) },
  // The next calls have these fates. The calls after them are answered.
  { weight: 3, arbitrary: fc.record({ do: fc.constant("outage" as const), fates: anyFates }) },
  // Another worker takes over: with the current snapshot, or with an old one.
  { weight: 1, arbitrary: fc.record({ do: fc.constant("snapshot" as const), id: anyId, isCurrent: fc.boolean() }) },
  // Another process changes the job.
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("other" as const), id: anyId, to: fc.constantFrom(...STATUSES) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "flush" as const }) },
);

/** Expected state of one job if each change is applied at the time of its report. */
class Model {
  status: Status = report.initial;
  version = 1;
  readonly history: string[] = ["1 waiting"];
  readonly rejected: Status[] = [];
  /** Version that the changes reported with the current snapshot have produced. */
  fence = 1;

  report(to: Status, bySnapshot: boolean): void {
    const isCurrent = !bySnapshot || this.fence === this.version;
    const isAllowed = next(this.status).includes(to);
    if (isCurrent && !isAllowed && to === this.status) return; // A duplicate delivery.
    if (!isCurrent || !isAllowed) return void this.rejected.push(to);
    this.move(to);
    if (bySnapshot) this.fence = this.version;
  }

  move(to: Status): void {
    this.status = to;
    this.version++;
    this.history.push(`${this.version} ${to}`);
  }
}

async function openWithJobs() {
  const driver = memoryDriver();
  const outage = new Outage(driver);
  const store = createJobStore({ job: report, driver, historyLimit: 1000 });
  const worker = createJobStore({ job: report, driver: outage.driver, historyLimit: 1000 });
  const rejected: Rejection[] = [];
  const reporter = createReporter(worker, { onRejected: (change) => rejected.push(change) });
  const created = perId((): Job<Report> => undefined as never);
  for (const id of IDS) created[id] = (await store.create({ title: "One" }, { id })).job;
  const close = () => Promise.all([reporter.close(), worker.close(), store.close()]);
  return { outage, store, reporter, rejected, created, close };
}

test("after any outages and lost replies, the jobs are as if each change had been applied once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (actions) => {
      const { outage, store, reporter, rejected, created, close } = await openWithJobs();
      const models = perId(() => new Model());
      const snapshots = { ...created };

      for (const step of actions) {
        switch (step.do) {
          case "outage": {
            const fates = [...step.fates];
            outage.fate = () => fates.shift() ?? "answered";
            break;
          }
          case "progress":
            reporter.progress(snapshots[step.id], { done: 1 });
            break;
          case "flush":
            await reporter.flush();
            break;
          case "snapshot": {
            const current = (await store.get(step.id)) as Job<Report>;
            snapshots[step.id] = step.isCurrent ? current : { ...created[step.id] };
            models[step.id].fence = snapshots[step.id].version;
            break;
          }
          case "other": {
            await reporter.flush();
            const model = models[step.id];
            if (!next(model.status).includes(step.to)) break;
            await store.updateStatus(step.id, step.to);
            model.move(step.to);
            break;
          }
          case "report": {
            const bySnapshot = step.by === "snapshot";
            models[step.id].report(step.to, bySnapshot);
            const answer = reporter.report(bySnapshot ? snapshots[step.id] : step.id, step.to);
            if (step.wait) await answer;
          }
        }
      }
      await reporter.flush();
      expect(reporter.pending).toBe(0);

      for (const id of IDS) {
        const job = await store.get(id);
        expect(job?.history.map(({ version, to }) => `${version} ${to}`)).toEqual(models[id].history);
        expect(rejected.filter((change) => change.id === id).map(({ to }) => to)).toEqual(models[id].rejected);
      }
      for (const { error } of rejected) expect(error.code).toMatch(/CONFLICT|ILLEGAL_TRANSITION/);
      await close();
    }),
    { numRuns: 50 },
  );
});

test("a reporter that is closed at any time accounts for every change: applied, or passed to onRejected", async () => {
  const changes = fc.array(fc.record({ id: anyId, bySnapshot: fc.boolean(), wait: fc.boolean() }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(changes, anyFates, fc.boolean(), async (reports, fates, isBackAtClose) => {
      const { outage, store, reporter, rejected, created, close } = await openWithJobs();
      const left = [...fates];
      outage.fate = () => left.shift() ?? (isBackAtClose ? "answered" : "refused");
      const answers: Promise<string>[] = [];
      for (const id of IDS) answers.push(reporter.report(created[id], "working"));
      for (const { id, bySnapshot, wait } of reports) {
        // "working" can follow itself: each applied change shows in the history.
        answers.push(reporter.report(bySnapshot ? created[id] : id, "working"));
        if (wait) await answers.at(-1);
      }
      await reporter.close();
      expect(reporter.pending).toBe(0);
      await Promise.all(answers);

      for (const id of IDS) {
        const reported = 1 + reports.filter((change) => change.id === id).length;
        const applied = ((await store.get(id))?.version ?? 0) - 1;
        const dropped = rejected.filter((change) => change.id === id);
        const uncertain = dropped.filter(({ error }) => error.indeterminate === true).length;
        expect(applied + dropped.length).toBeGreaterThanOrEqual(reported);
        expect(applied + dropped.length - uncertain).toBeLessThanOrEqual(reported);
      }
      await close();
    }),
    { numRuns: 50 },
  );
});
