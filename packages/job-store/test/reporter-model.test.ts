import { copyFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createJobStore, createReporter, type Job, type JobStore, type Reporter } from "../src/index.js";
import { next, type Report, report, STATUSES, type Status } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";
import { JournalFolder } from "./reporter-files.js";
import { type Fate, Outage } from "./reporter-outage.js";

const IDS = ["a", "b", "c"] as const;
type Id = (typeof IDS)[number];
const perId = <T>(value: () => T): Record<Id, T> => ({ a: value(), b: value(), c: value() });

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      id: fc.constantFrom(...IDS),
      by: fc.constantFrom("id" as const, "snapshot" as const),
      to: fc.constantFrom(...STATUSES),
      wait: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("progress" as const), id: fc.constantFrom(...IDS) }) },
  {
    // What becomes of the next calls; after them, the store is there again.
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("outage" as const),
      fates: fc.array(fc.constantFrom<Fate>("refused", "lost before", "lost after", "answered"), { maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), readsAnew: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: "flush" as const }) },
);

/** What the reported changes, each made at once, make of one job. */
class Model {
  status: Status = report.initial;
  version = 1;
  readonly history: string[] = ["1 waiting"];
  readonly refused: Status[] = [];
  /** The version that the changes by the snapshot in use have brought that to. */
  fence = 1;

  report(to: Status, bySnapshot: boolean): void {
    const fits = !bySnapshot || this.fence === this.version;
    const legal = next(this.status).includes(to);
    if (fits && !legal && to === this.status) return; // A duplicate delivery.
    if (!fits || !legal) return void this.refused.push(to);
    this.status = to;
    this.version++;
    if (bySnapshot) this.fence = this.version;
    this.history.push(`${this.version} ${to}`);
  }
}

/** A process that reports, and can be killed. */
class Worker {
  readonly outage: Outage;
  readonly reporter: Reporter<Report>;
  readonly #store: JobStore<Report>;
  readonly #journal: string;
  #dead = false;

  constructor(driver: Outage["driver"], journal: string, onRejected: (id: Id, to: Status) => void) {
    this.outage = new Outage(driver);
    this.#journal = journal;
    this.#store = createJobStore({ job: report, driver: this.outage.driver, historyLimit: 1000 });
    this.reporter = createReporter(this.#store, {
      journalPath: journal,
      onRejected: ({ id, to, error }) => {
        if (this.#dead) return;
        expect(error.code).toMatch(/CONFLICT|ILLEGAL_TRANSITION/);
        onRejected(id as Id, to);
      },
    });
  }

  /** From now on nothing of it reaches the store or a caller. The journal is left as it was at that moment. */
  kill(copy: string): void {
    this.#dead = true;
    this.outage.begin();
    copyFileSync(this.#journal, copy);
  }

  async bury(): Promise<void> {
    await this.reporter.close();
    await this.#store.close();
  }
}

test("whatever goes wrong when, the store ends as if every change had been made at once, in order, exactly once", async () => {
  const folder = new JournalFolder();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (actions) => {
      run++;
      const journal = () => folder.file(`${run}-${buried.length}`);
      const driver = memoryDriver();
      const store = createJobStore({ job: report, driver, historyLimit: 1000 });
      const models = perId(() => new Model());
      const refused = perId((): Status[] => []);
      const created = await Promise.all(IDS.map(async (id) => (await store.create({ title: "One" }, { id })).job));
      const snapshots = Object.fromEntries(created.map((job) => [job.id, job])) as Record<Id, Job<Report>>;
      const buried: Worker[] = [];
      let answers: Promise<string>[] = [];
      const start = () => new Worker(driver, journal(), (id, to) => void refused[id].push(to));
      let worker = start();

      for (const step of actions) {
        switch (step.do) {
          case "outage": {
            const fates = [...step.fates];
            worker.outage.fate = () => fates.shift() ?? "answered";
            break;
          }
          case "progress":
            worker.reporter.progress(snapshots[step.id], { done: 1 });
            break;
          case "flush":
            await worker.reporter.flush();
            break;
          case "report": {
            const bySnapshot = step.by === "snapshot";
            models[step.id].report(step.to, bySnapshot);
            answers.push(worker.reporter.report(bySnapshot ? snapshots[step.id] : step.id, step.to));
            if (step.wait) await answers.at(-1);
            break;
          }
          case "crash":
            // A change without an answer may be lost: that is what an answer is for.
            await Promise.all(answers);
            answers = [];
            buried.push(worker);
            worker.kill(journal());
            worker = start();
            for (const id of IDS) {
              const seen = step.readsAnew ? ((await store.get(id)) as Job<Report>) : { ...created[IDS.indexOf(id)] };
              snapshots[id] = seen as Job<Report>;
              models[id].fence = snapshots[id].version;
            }
        }
      }
      await worker.reporter.flush();
      expect(worker.reporter.pending).toBe(0);

      for (const id of IDS) {
        const job = await store.get(id);
        expect(job?.history.map(({ version, to }) => `${version} ${to}`)).toEqual(models[id].history);
        // A process that died while it told of a refusal may have told already: then it is told again.
        if (buried.length === 0) expect(refused[id]).toEqual(models[id].refused);
        else
          for (const to of STATUSES)
            expect(count(refused[id], to)).toBeGreaterThanOrEqual(count(models[id].refused, to));
      }
      await Promise.all([worker, ...buried].map((one) => one.bury()));
      await store.close();
    }),
    { numRuns: 50 },
  );
});

function count(all: readonly Status[], one: Status): number {
  return all.filter((other) => other === one).length;
}
