import { expect } from "vitest";
import { type Job, type JobStore, JobStoreError } from "../../index.js";
import type { Context, Stores } from "./context.js";
import { jobIn, type Report, step } from "./definitions.js";
import { view } from "./expectations.js";

const WRITERS = 24;

/** Returns the stores of concurrent writers: some share a store, and some have a connection of their own. */
function writers(store: JobStore<Report>, stores: Stores): readonly JobStore<Report>[] {
  const apart = [stores.openApart(), stores.openApart(), stores.openApart()];
  return Array.from({ length: WRITERS }, (_, index) => apart[index % 4] ?? store);
}

function codes(outcomes: readonly PromiseSettledResult<unknown>[]): Record<string, number> {
  const tally: Record<string, number> = {};
  for (const outcome of outcomes) {
    const { reason } = outcome as PromiseRejectedResult;
    const code = outcome.status === "fulfilled" ? "fulfilled" : JobStoreError.is(reason) ? reason.code : `${reason}`;
    tally[code] = (tally[code] ?? 0) + 1;
  }
  return tally;
}

function expectContiguous(job: Job<Report> | null, version: number): void {
  expect(job?.version).toBe(version);
  expect(job?.history.map((change) => change.version)).toEqual(
    Array.from({ length: version }, (_, index) => index + 1),
  );
  for (const [index, change] of job?.history.entries() ?? [])
    expect(change.from).toBe(job?.history[index - 1]?.to ?? null);
}

export function races({ test }: Context): void {
  const outbox = [{ queue: "reports", payload: 1 }];

  for (const [way, address] of Object.entries({
    snapshot: (job: Job<Report>) => ({ target: job, change: { outbox } }),
    version: (job: Job<Report>) => ({ target: job.id, change: { outbox, ifVersion: job.version } }),
  })) {
    test(`of many concurrent changes of a job by the same ${way}, exactly one succeeds at each version`, async ({
      store,
      stores,
    }) => {
      let job = await jobIn(store, "working", "a");
      const racing = writers(store, stores);
      for (let round = 0; round < 5; round++) {
        const { target, change } = address(job);
        const outcomes = await Promise.allSettled(
          racing.map((writer, index) => step(writer, target, "working", { ...change, by: `writer-${index}` })),
        );
        expect(codes(outcomes)).toEqual({ fulfilled: 1, CONFLICT: WRITERS - 1 });
        for (const outcome of outcomes) {
          if (outcome.status === "fulfilled") job = outcome.value;
          else expect(outcome.reason).toMatchObject({ currentVersion: 3 + round });
        }
        expect(await store.get("a")).toEqual(job);
      }
      expectContiguous(job, 7);
      expect(await store.outbox.depth()).toBe(5);
    });
  }

  test("many concurrent re-entries by id all succeed, each with its own version", async ({ store, stores }) => {
    await jobIn(store, "waiting", "a");
    const moved = await Promise.all(
      writers(store, stores).map((writer, index) => step(writer, "a", "working", { outbox, by: `writer-${index}` })),
    );
    const versions = moved.map(({ version }) => version).toSorted((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: WRITERS }, (_, index) => index + 2));
    const job = await store.get("a");
    expectContiguous(job, WRITERS + 1);
    expect(new Set(job?.history.map(({ by }) => by)).size).toBe(WRITERS + 1);
    const messages = await store.outbox.read();
    expect(messages.map(({ id }) => id)).toEqual(versions.map((version) => `a.${version}.0`));
  });

  test("of many concurrent changes to a final status by id, the first is kept and the others return it", async ({
    store,
    stores,
  }) => {
    await jobIn(store, "working", "a");
    const answers = await Promise.all(
      writers(store, stores).map((writer, index) => step(writer, "a", "done", { outbox, result: { url: `${index}` } })),
    );
    const job = await store.get("a");
    for (const answer of answers) expect(answer).toEqual(job);
    expectContiguous(job, 3);
    expect(await store.outbox.depth()).toBe(1);
  });

  test("of concurrent changes to done and failed, one is stored and the other is rejected", async ({
    store,
    stores,
  }) => {
    await jobIn(store, "working", "a");
    const outcomes = await Promise.allSettled(
      writers(store, stores).map((writer, index) => step(writer, "a", index % 2 === 0 ? "done" : "failed", { outbox })),
    );
    expect(codes(outcomes)).toEqual({ fulfilled: WRITERS / 2, ILLEGAL_TRANSITION: WRITERS / 2 });
    expectContiguous(await store.get("a"), 3);
    expect(await store.outbox.depth()).toBe(1);
  });

  test("of many concurrent creates with one id, one succeeds and all return the same job", async ({
    store,
    stores,
  }) => {
    const answers = await Promise.all(
      writers(store, stores).map((writer, index) => writer.create({ title: `${index}` }, { id: "a", outbox })),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    const job = await store.get("a");
    for (const answer of answers) expect(answer.job).toEqual(job);
    expect(await store.outbox.depth()).toBe(1);
    expect((await store.counts()).waiting).toBe(1);
  });

  test("of many concurrent saves of one version, one succeeds", async ({ store, stores }) => {
    const job = await jobIn(store, "working", "a");
    const outcomes = await Promise.allSettled(
      writers(store, stores).map((writer, index) => writer.save({ ...job, data: { title: `${index}` } })),
    );
    expect(codes(outcomes)).toEqual({ fulfilled: 1, CONFLICT: WRITERS - 1 });
    expect((await store.get("a"))?.version).toBe(3);
  });

  test("of many concurrent deletes of one job, one returns true", async ({ store, stores }) => {
    await jobIn(store, "working", "a");
    const answers = await Promise.all(writers(store, stores).map((writer) => writer.delete("a")));
    expect(answers.filter((deleted) => deleted)).toHaveLength(1);
    expect((await view(store)).jobs).toEqual([]);
  });

  test("concurrent progress is never stored after the job is final", async ({ store, stores }) => {
    for (let round = 0; round < 5; round++) {
      const job = await jobIn(store, "working");
      const [finishing, ...reporting] = writers(store, stores);
      const [done, ...reports] = await Promise.all([
        (finishing as JobStore<Report>).updateStatus(job.id, "done", { progress: { done: 100 } }),
        ...reporting.map((writer, done) => writer.updateProgress(job, { done }).catch((error: unknown) => error)),
      ]);
      for (const report of reports)
        expect([undefined, "CONFLICT"]).toContain((report as JobStoreError | undefined)?.code);
      expect(await store.get(job.id)).toEqual(done);
    }
  });

  test("concurrent deletes, creates and changes result in one consistent job or none", async ({ store, stores }) => {
    await jobIn(store, "waiting", "a");
    await Promise.allSettled(
      writers(store, stores).flatMap((writer) => [
        writer.delete("a"),
        writer.create({ title: "Anew" }, { id: "a" }),
        writer.updateStatus("a", "working"),
        writer.updateStatus("a", "failed"),
      ]),
    );
    const job = await store.get("a");
    const { jobs, counts, byStatus } = await view(store);
    expect(jobs).toEqual(job === null ? [] : [job]);
    expect(Object.entries(counts).filter(([, count]) => count > 0)).toEqual(job === null ? [] : [[job.status, 1]]);
    expect(byStatus.flatMap(([status, ids]) => (ids?.length ? [status] : []))).toEqual(
      job === null ? [] : [job.status],
    );
    if (job !== null) expectContiguous(job, job.version);
  });
}
