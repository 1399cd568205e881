import fc from "fast-check";
import { expect } from "vitest";
import { createJobStore, type Job, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, report, STATUSES, type Status, step } from "../src/lib/contract/definitions.js";
import { view } from "../src/lib/contract/expectations.js";
import type { DriverUnderTest } from "../src/testing.js";
import { applyTo, dataOf, type ModelChange, type ModelJob, toModel } from "./model-job.js";

type Action = { readonly id: string } & (
  | { readonly verb: "create"; readonly label: string | null }
  | { readonly verb: "delete" }
  | { readonly verb: "save"; readonly status: Status; readonly label: string | null; readonly drift: number }
  | { readonly verb: "progress"; readonly done: number }
  | { readonly verb: "move"; readonly to: Status; readonly drift: number | null; readonly url: string | undefined }
);
type Outcome = ModelJob | string | boolean | null;

/** History limit of the store under test. */
const HISTORY_LIMIT = 3;

/** Jobs of the model, and messages that were stored with their changes. */
class Model {
  readonly jobs = new Map<string, ModelJob>();
  readonly messages: string[] = [];

  apply(action: Action): Outcome {
    const { id } = action;
    const stored = this.jobs.get(id) ?? null;
    if (action.verb === "save" && stored === null) return null;
    const { job, answer, entered } = applyTo(id, stored, changeOf(action, stored));
    if (entered && job !== null) this.messages.push(`${id}.${job.version}.0`);
    if (job === null) this.jobs.delete(id);
    else this.jobs.set(id, { ...job, history: job.history.slice(-HISTORY_LIMIT) });
    return typeof answer === "object" || (action.verb === "progress" && answer === true)
      ? (this.jobs.get(id) ?? null)
      : answer;
  }
}

/** Returns the change of an action on the stored job. */
function changeOf(action: Action, stored: ModelJob | null): ModelChange {
  const at = (drift: number) => ({ version: (stored?.version ?? 1) + drift });
  switch (action.verb) {
    case "create":
      return action;
    case "save": {
      const { status, label, drift } = action;
      return { verb: "save", job: { ...(stored as ModelJob), ...at(drift), status, label } };
    }
    case "move":
      return { ...action, aim: action.drift === null ? null : at(action.drift) };
    default:
      return { ...action, aim: null };
  }
}

/** Performs an action with a store. */
async function perform(store: JobStore<Report>, action: Action): Promise<Outcome> {
  const { id } = action;
  const outbox = [{ queue: "reports", payload: id }];
  const stored = await store.get(id);
  switch (action.verb) {
    case "create":
      return toModel((await store.create(dataOf(id, action.label), { id, outbox })).job);
    case "delete":
      return store.delete(id);
    case "save": {
      if (stored === null) return null;
      const version = stored.version + action.drift;
      return toModel(await store.save({ ...stored, version, status: action.status, data: dataOf(id, action.label) }));
    }
    case "progress":
      await store.updateProgress(id, { done: action.done });
      return toModel((await store.get(id)) as Job<Report>);
    case "move": {
      const version = action.drift === null ? {} : { ifVersion: (stored?.version ?? 1) + action.drift };
      const result = action.url === undefined ? {} : { result: { url: action.url } };
      return toModel(await step(store, id, action.to, { ...version, ...result, outbox }));
    }
  }
}

const id = fc.constantFrom("a", "b", "c");
const status = fc.constantFrom(...STATUSES);
const LABELS = ["red", "blue"] as const;
const label = fc.constantFrom(...LABELS, null);
/** Difference to the stored version, mostly 0. */
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

/** Checks that a store and the model give the same replies and the same state for random sequences of actions. */
export async function expectAgreement(open: () => Promise<DriverUnderTest>, numRuns: number): Promise<void> {
  const runs = fc.asyncProperty(fc.array(action, { maxLength: 40, size: "max" }), async (actions) => {
    const place = await open();
    const store = createJobStore({ job: report, driver: place.driver, historyLimit: HISTORY_LIMIT });
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
      const counts = await store.counts({ where: { label } });
      if (status !== undefined) expect(counts[status]).toBe(labelled.length);
    }
  }
  const { jobs, counts, byStatus } = await view(store);
  expect(jobs.map(toModel).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(expected);
  expect(byStatus.map(([status, ids]) => [status, [...(ids ?? [])].toSorted()])).toEqual(
    STATUSES.map((status) => [status, idsIn(status)]),
  );
  expect(counts).toEqual(Object.fromEntries(STATUSES.map((status) => [status, idsIn(status).length])));
  expect((await store.outbox.read({ limit: 1000 })).map((entry) => entry.id)).toEqual(model.messages);
}
