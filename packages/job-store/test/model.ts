import fc from "fast-check";
import { expect } from "vitest";
import { createJobStore, type Job, type JobStore, JobStoreError } from "../src/index.js";
import { isFinal, next, type Report, report, STATUSES, type Status, step } from "../src/lib/contract/definitions.js";
import { view } from "../src/lib/contract/expectations.js";
import type { Place } from "../src/testing.js";

/** What a job is, its times left out. */
interface ModelJob {
  readonly id: string;
  readonly version: number;
  readonly attempt: number;
  readonly status: Status;
  readonly done: number | null;
  readonly url: string | null;
  readonly label: string | null;
  /** `from > to @ version`, the last 3. */
  readonly history: readonly string[];
}

type Action = { readonly id: string } & (
  | { readonly verb: "create"; readonly label: string | null }
  | { readonly verb: "delete" }
  | { readonly verb: "save"; readonly status: Status; readonly label: string | null; readonly drift: number }
  | { readonly verb: "progress"; readonly done: number }
  | { readonly verb: "move"; readonly to: Status; readonly drift: number | null; readonly url: string | undefined }
);
type Outcome = ModelJob | string | boolean | null;

/** The store in a few lines of plain code: what any driver must agree with, whatever is done in whatever order. */
class Model {
  readonly jobs = new Map<string, ModelJob>();
  readonly messages: string[] = [];

  apply(action: Action): Outcome {
    const { id } = action;
    const job = this.jobs.get(id);
    switch (action.verb) {
      case "create":
        if (job !== undefined) return job;
        return this.#enter(
          { id, version: 0, attempt: 1, done: null, url: null, label: action.label, history: [] },
          null,
          "waiting",
        );
      case "delete":
        return this.jobs.delete(id);
      case "save": {
        if (job === undefined) return null;
        if (action.drift !== 0) return "CONFLICT";
        return this.#put({ ...job, version: job.version + 1, status: action.status, label: action.label });
      }
      case "progress":
        if (job === undefined) return "NOT_FOUND";
        if (isFinal(job.status)) return "ILLEGAL_TRANSITION";
        return this.#put({ ...job, done: action.done });
      case "move": {
        if (job === undefined) return "NOT_FOUND";
        if (action.drift !== null && action.drift !== 0) return "CONFLICT";
        if (!next(job.status).includes(action.to)) return job.status === action.to ? job : "ILLEGAL_TRANSITION";
        const again = isFinal(job.status) ? { attempt: job.attempt + 1, done: null, url: null } : {};
        return this.#enter({ ...job, ...again, ...(action.url && { url: action.url }) }, job.status, action.to);
      }
    }
  }

  #enter(job: Omit<ModelJob, "status">, from: Status | null, to: Status): ModelJob {
    const version = job.version + 1;
    this.messages.push(`${job.id}.${version}.0`);
    return this.#put({
      ...job,
      version,
      status: to,
      history: [...job.history, `${from} > ${to} @ ${version}`].slice(-3),
    });
  }

  #put(job: ModelJob): ModelJob {
    this.jobs.set(job.id, job);
    return job;
  }
}

const strip = (job: Job<Report>): ModelJob => ({
  id: job.id,
  version: job.version,
  attempt: job.attempt,
  status: job.status,
  done: job.progress?.done ?? null,
  url: job.result?.url ?? null,
  label: job.data.label ?? null,
  history: job.history.map(({ from, to, version }) => `${from} > ${to} @ ${version}`),
});

const dataOf = (title: string, label: string | null) => (label === null ? { title } : { title, label });

/** The same action, asked of a store. */
async function perform(store: JobStore<Report>, action: Action): Promise<Outcome> {
  const { id } = action;
  const outbox = [{ queue: "reports", payload: id }];
  const stored = await store.get(id);
  switch (action.verb) {
    case "create":
      return strip((await store.create(dataOf(id, action.label), { id, outbox })).job);
    case "delete":
      return store.delete(id);
    case "save": {
      if (stored === null) return null;
      const version = stored.version + action.drift;
      return strip(await store.save({ ...stored, version, status: action.status, data: dataOf(id, action.label) }));
    }
    case "progress":
      await store.updateProgress(id, { done: action.done });
      return strip((await store.get(id)) as Job<Report>);
    case "move": {
      const version = action.drift === null ? {} : { ifVersion: (stored?.version ?? 1) + action.drift };
      const result = action.url === undefined ? {} : { result: { url: action.url } };
      return strip(await step(store, id, action.to, { ...version, ...result, outbox }));
    }
  }
}

const id = fc.constantFrom("a", "b", "c");
const status = fc.constantFrom(...STATUSES);
const LABELS = ["red", "blue"] as const;
const label = fc.constantFrom(...LABELS, null);
/** Mostly the stored version, sometimes a later one. */
const drift = fc.constantFrom(0, 0, 0, 1, 7);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ verb: fc.constant("create"), id, label }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant("delete"), id }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant("save"), id, status, label, drift }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant("progress"), id, done: fc.nat(100) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      verb: fc.constant("move"),
      id,
      to: status,
      drift: fc.oneof(fc.constant(null), drift),
      url: fc.constantFrom(undefined, "x", "y"),
    }),
  },
) as fc.Arbitrary<Action>;

/** Any sequence of actions leaves a store as it leaves the model, answer by answer. */
export async function agreesWithModel(open: () => Promise<Place>, numRuns: number): Promise<void> {
  const runs = fc.asyncProperty(fc.array(action, { maxLength: 40, size: "max" }), async (actions) => {
    const place = await open();
    const store = createJobStore({ job: report, driver: place.driver, historyLimit: 3 });
    const model = new Model();
    try {
      for (const one of actions) {
        const answer = await perform(store, one).catch((error: unknown) => {
          if (JobStoreError.is(error)) return error.code;
          throw error;
        });
        expect(answer).toEqual(model.apply(one));
      }
      await expectSame(store, model);
    } finally {
      await store.close();
      await place.close?.();
    }
  });
  await fc.assert(runs, { numRuns });
}

async function expectSame(store: JobStore<Report>, model: Model): Promise<void> {
  const expected = [...model.jobs.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const idsIn = (status: Status) => expected.filter((job) => job.status === status).map((job) => job.id);
  for (const label of LABELS) {
    for (const status of [undefined, ...STATUSES]) {
      const labelled = expected.filter((job) => job.label === label && (status === undefined || job.status === status));
      const { items } = await store.list({ where: { label }, status });
      expect(items.map(({ id }) => id).toSorted()).toEqual(labelled.map((job) => job.id));
    }
  }
  const { jobs, counts, byStatus } = await view(store);
  expect(jobs.map(strip).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(expected);
  expect(byStatus.map(([status, ids]) => [status, [...(ids ?? [])].toSorted()])).toEqual(
    STATUSES.map((status) => [status, idsIn(status)]),
  );
  expect(counts).toEqual(Object.fromEntries(STATUSES.map((status) => [status, idsIn(status).length])));
  expect((await store.outbox.read({ limit: 1000 })).map((entry) => entry.id)).toEqual(model.messages);
}
