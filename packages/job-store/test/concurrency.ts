import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect } from "vitest";
import { createJobStore, type Job, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, report, STATUSES, type Status, step } from "../src/lib/contract/definitions.js";
import type { DriverUnderTest } from "../src/testing.js";
import { type Call, isExplained, type Jobs, type Part } from "./linearize.js";
import { type Aim, applyTo, dataOf, type Effect, type ModelChange, type ModelJob, toModel } from "./model-job.js";

/** Next call of one client. `aim`: target of the change, either the id or the job that the client has read last. */
type Action =
  | { readonly verb: "create"; readonly id: string; readonly label: string | null }
  | { readonly verb: "save"; readonly id: string; readonly label: string | null }
  | {
      readonly verb: "move";
      readonly id: string;
      readonly to: Status;
      readonly aim: AimBy;
      readonly url: string | undefined;
    }
  | { readonly verb: "progress"; readonly id: string; readonly done: number; readonly aim: AimBy }
  | { readonly verb: "delete"; readonly id: string; readonly aim: AimBy }
  | { readonly verb: "get"; readonly id: string }
  | { readonly verb: "list"; readonly status: Status | undefined }
  | { readonly verb: "counts" };
type AimBy = "id" | "version" | "snapshot";

const IDS = ["a", "b"] as const;
const id = fc.constantFrom(...IDS);
const label = fc.constantFrom("red", "blue", null);
const aim = fc.constantFrom<AimBy>("id", "id", "version", "snapshot");
const to = fc.constantFrom<Status>("working", "working", "working", "checking", "done", "failed", "waiting");
const verb = <V extends string>(name: V) => fc.constant(name);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ verb: verb("create"), id, label }) },
  { weight: 9, arbitrary: fc.record({ verb: verb("move"), id, to, aim, url: fc.constantFrom(undefined, "x", "y") }) },
  { weight: 2, arbitrary: fc.record({ verb: verb("save"), id, label }) },
  { weight: 2, arbitrary: fc.record({ verb: verb("progress"), id, done: fc.nat(100), aim }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("delete"), id, aim }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("get"), id }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("list"), status: fc.constantFrom(undefined, "working") }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("counts") }) },
) as fc.Arbitrary<Action>;

const CLIENTS = 4;
const programs = fc.array(fc.array(action, { minLength: 2, maxLength: 7, size: "max" }), {
  minLength: CLIENTS,
  maxLength: CLIENTS,
});

/** TTL that lets finished jobs expire while other clients change them. */
const TTL = { done: 0.02 };
/**
 * TTL for broken connections, longer than a call. A create whose reply was lost is repeated, and the job's record shows that it was
 * applied. A job that expired between the two attempts has no record, so the create would be applied again.
 */
const TTL_LONGER_THAN_A_CALL = { done: 3600 };
const EXPIRING: ReadonlySet<string> = new Set<Status>(["done"]);

export interface Interleaving {
  readonly numRuns: number;
  /** Function that is called repeatedly while the clients run, for example to break connections. */
  readonly disturb?: () => void;
}

/**
 * Runs several clients concurrently, each with its own store, and checks that the replies are linearizable: they are the replies of one
 * store that executes all calls in some order, each one between its begin and its end. The calls come from a fixed seed, which
 * fast-check prints if the check fails. The server determines the order of execution.
 */
export async function expectLinearizable(place: DriverUnderTest, { numRuns, disturb }: Interleaving): Promise<void> {
  const ttlSeconds = disturb === undefined ? TTL : TTL_LONGER_THAN_A_CALL;
  const open = () =>
    createJobStore({ job: report, driver: place.again?.() ?? place.driver, ttlSeconds, historyLimit: 100 });
  const stores = Array.from({ length: CLIENTS }, open);
  const observer = open();
  let run = 0;
  try {
    await Promise.all([...stores, observer].map((store) => store.counts()));
    const property = fc.asyncProperty(programs, async (each) => {
      const current = new Run(stores, observer, `${run++}`, (place.shards ?? 1) === 1);
      const disturbing = disturb === undefined ? undefined : setInterval(disturb, 15);
      try {
        await current.execute(each);
      } finally {
        clearInterval(disturbing);
      }
      await current.verify();
    });
    await fc.assert(property, { seed: 20_261_124, numRuns, endOnFailure: true });
  } finally {
    await Promise.all([...stores, observer].map((store) => store.close()));
  }
}

/** One run: its jobs, its calls and their replies. */
class Run {
  readonly #stores: readonly JobStore<Report>[];
  readonly #observer: JobStore<Report>;
  readonly #suffix: string;
  readonly #countsAreAtomic: boolean;
  readonly #calls: Call[][] = [];
  /** Times of creation of each id's jobs that clients have read. */
  readonly #creationTimes = new Map<string, Set<number>>();
  #clock = 0;

  constructor(
    stores: readonly JobStore<Report>[],
    observer: JobStore<Report>,
    suffix: string,
    countsAreAtomic: boolean,
  ) {
    this.#stores = stores;
    this.#observer = observer;
    this.#suffix = suffix;
    this.#countsAreAtomic = countsAreAtomic;
  }

  get #ids(): readonly string[] {
    return IDS.map((one) => `${one}-${this.#suffix}`);
  }

  async execute(each: readonly (readonly Action[])[]): Promise<void> {
    const clients = each.map(async (actions, n) => {
      const calls: Call[] = [];
      this.#calls.push(calls);
      const seen = new Map<string, Job<Report>>();
      for (const action of actions) calls.push(await this.#perform(this.#stores[n] as JobStore<Report>, action, seen));
    });
    await Promise.all(clients);
  }

  /** Checks that one order of the calls explains all replies, the final jobs and the stored messages. */
  async verify(): Promise<void> {
    const calls = this.#calls.map((each) => each);
    calls.push([await this.#readFinalJobs()]);
    const stored = await this.#observer.outbox.read({ limit: 1000 });
    await this.#observer.outbox.ack(stored.map(({ entryId }) => entryId));
    const messages = stored.map(({ id }) => id).toSorted();
    if (!isExplained(calls, { messages, expiring: EXPIRING })) {
      const log = this.#calls.map((each) => each.map(({ text }) => text).join("\n  ")).join("\n\n  ");
      expect.fail(`No order of these calls explains their replies and the messages ${messages.join(" ")}:\n  ${log}`);
    }
    await this.#expectIndexes();
    await this.#observer.deleteMany(this.#ids);
    expect(Object.values(await this.#observer.counts()).reduce((sum, count) => sum + count, 0)).toBe(0);
  }

  /** Reads all jobs after the last call of the clients. Returns the read as one more call. */
  async #readFinalJobs(): Promise<Call> {
    const begun = this.#clock++;
    const jobs = await this.#observer.getMany(this.#ids);
    const parts = jobs.map((job, n) => reads(this.#ids[n] as string, job));
    this.#recordCreation(jobs);
    return { begun, ended: this.#clock++, parts, text: "" };
  }

  #recordCreation(jobs: readonly (Job<Report> | null)[]): void {
    for (const job of jobs) if (job !== null) this.#creationTimesOf(job.id).add(job.createdAt.getTime());
  }

  #creationTimesOf(id: string): Set<number> {
    const times = this.#creationTimes.get(id) ?? new Set();
    this.#creationTimes.set(id, times);
    return times;
  }

  /** Checks that lists, counts and the index of fields agree with the jobs, except jobs that can expire. */
  async #expectIndexes(): Promise<void> {
    const lasting = (jobs: readonly (Job<Report> | null)[]) =>
      jobs.flatMap((job) => (job === null || EXPIRING.has(job.status) ? [] : [job]));
    const jobs = lasting(await this.#observer.getMany(this.#ids));
    const byId = (all: readonly Job<Report>[]) => all.toSorted((x, y) => (x.id < y.id ? -1 : 1));
    expect(byId(lasting((await this.#observer.list()).items))).toEqual(jobs);
    const counts = await this.#observer.counts();
    for (const status of STATUSES.filter((one) => !EXPIRING.has(one))) {
      const expected = jobs.filter((job) => job.status === status);
      expect(byId((await this.#observer.list({ status })).items)).toEqual(expected);
      expect(counts[status]).toBe(expected.length);
    }
    for (const label of ["red", "blue"]) {
      const labelled = lasting((await this.#observer.list({ where: { label } })).items);
      expect(byId(labelled)).toEqual(jobs.filter((job) => job.data.label === label));
    }
  }

  async #perform(store: JobStore<Report>, action: Action, seen: Map<string, Job<Report>>): Promise<Call> {
    const begun = this.#clock++;
    const { parts, text } = await this.#send(store, action, seen);
    return { begun, ended: this.#clock++, parts, text: `${begun} ${JSON.stringify(action)} → ${text}` };
  }

  async #send(
    store: JobStore<Report>,
    action: Action,
    seen: Map<string, Job<Report>>,
  ): Promise<{ parts: readonly Part[]; text: string }> {
    if (action.verb === "list") {
      const found = await store.list({ status: action.status }).catch(ifUnavailable);
      if (found === undefined) return { parts: [], text: "UNAVAILABLE" };
      this.#recordCreation(found.items);
      const parts = this.#ids.flatMap((id) => {
        const job = found.items.find((one) => one.id === id);
        // A page does not contain a job that enters the status again while the page is read.
        return job === undefined && action.status !== undefined ? [] : [reads(id, job ?? null)];
      });
      return { parts, text: found.items.map(describe).join(" ") };
    }
    if (action.verb === "counts") {
      const counts = await store.counts().catch(ifUnavailable);
      const parts = counts === undefined || !this.#countsAreAtomic ? [] : [countsTo(counts)];
      return { parts, text: JSON.stringify(counts) };
    }
    const id = `${action.id}-${this.#suffix}`;
    if (action.verb === "get") {
      const job = await store.get(id).catch(ifUnavailable);
      if (job === undefined) return { parts: [], text: "UNAVAILABLE" };
      if (job !== null) seen.set(id, job);
      this.#recordCreation([job]);
      return { parts: [reads(id, job)], text: describe(job) };
    }
    return this.#change(store, id, action, seen);
  }

  async #change(
    store: JobStore<Report>,
    id: string,
    action: Exclude<Action, { verb: "list" | "counts" | "get" }>,
    seen: Map<string, Job<Report>>,
  ): Promise<{ parts: readonly Part[]; text: string }> {
    const last = seen.get(id);
    const outbox = [{ queue: "reports", payload: id }];
    const by = "aim" in action && last !== undefined ? action.aim : "id";
    const target = by === "snapshot" ? (last as Job<Report>) : id;
    const meant: Aim = by === "id" ? null : aimAt(last as Job<Report>, by);
    let change: ModelChange;
    let outcome: Promise<Job<Report> | boolean>;
    switch (action.verb) {
      case "create":
        change = { verb: "create", label: action.label };
        outcome = store.create(dataOf(id, action.label), { id, outbox }).then(({ job }) => job);
        break;
      case "save": {
        if (last === undefined || EXPIRING.has(last.status)) return { parts: [], text: "nothing to save" };
        const data = dataOf(id, action.label);
        change = { verb: "save", job: { ...timed(last), label: action.label } };
        outcome = store.save({ ...last, data });
        break;
      }
      case "move": {
        change = { verb: "move", aim: meant, to: action.to, url: action.url };
        const rest = { outbox, ...(action.url !== undefined && { result: { url: action.url } }) };
        outcome = step(store, target, action.to, by === "version" ? { ...rest, ifVersion: last?.version ?? 1 } : rest);
        break;
      }
      case "progress":
        // Only updateStatus accepts a version without a snapshot.
        change = { verb: "progress", aim: by === "snapshot" ? meant : null, done: action.done };
        outcome = store.updateProgress(target, { done: action.done }).then(() => true);
        break;
      case "delete":
        change = { verb: "delete", aim: by === "snapshot" ? meant : null };
        outcome = store.delete(target);
        break;
    }
    const reply = await outcome.catch((error: unknown) => {
      if (JobStoreError.is(error)) return error;
      throw error;
    });
    if (typeof reply === "object" && !JobStoreError.is(reply)) {
      seen.set(id, reply);
      this.#recordCreation([reply]);
    }
    const text = JobStoreError.is(reply) ? reply.code : typeof reply === "object" ? describe(reply) : `${reply}`;
    return { parts: partsOf(id, change, reply, this.#creationTimesOf(id)), text };
  }
}

/** Returns the steps that explain a reply: the jobs before and after them. */
function partsOf(
  id: string,
  change: ModelChange,
  answer: Job<Report> | boolean | JobStoreError,
  creationTimes: ReadonlySet<number>,
): readonly Part[] {
  const apply = (jobs: Jobs, full: ModelChange): Effect => applyTo(id, jobs.get(id) ?? null, full);
  if (JobStoreError.is(answer, "UNAVAILABLE")) {
    if (answer.indeterminate !== true) return [];
    // The change was applied once or not at all. Clients that have read a created job know its time of creation.
    const variants = (): readonly ModelChange[] =>
      change.verb === "create"
        ? [change, ...Array.from(creationTimes, (createdAt) => ({ ...change, createdAt }))]
        : [change];
    return [(jobs) => [{ jobs }, ...variants().flatMap((variant) => outcomeOf(id, jobs, apply(jobs, variant)))]];
  }
  if (JobStoreError.is(answer)) {
    return [(jobs) => (apply(jobs, change).answer === answer.code ? [{ jobs }] : [])];
  }
  if (typeof answer === "boolean") {
    return [
      (jobs) => {
        const effect = apply(jobs, change);
        return effect.answer === answer ? outcomeOf(id, jobs, effect) : [];
      },
    ];
  }
  const expected = timed(answer);
  // The server determines the time of creation.
  const full = change.verb === "create" ? { ...change, createdAt: answer.createdAt.getTime() } : change;
  return [
    (jobs) => {
      const effect = apply(jobs, full);
      return isDeepStrictEqual(effect.answer, expected) ? outcomeOf(id, jobs, effect) : [];
    },
  ];
}

function outcomeOf(id: string, jobs: Jobs, { job, entered }: Effect) {
  const after = new Map(jobs);
  if (job === null) after.delete(id);
  else after.set(id, job);
  return [{ jobs: after, ...(entered && job !== null && { message: `${id}.${job.version}.0` }) }];
}

function reads(id: string, job: Job<Report> | null): Part {
  const expected = job === null ? null : timed(job);
  return (jobs) => (isDeepStrictEqual(jobs.get(id) ?? null, expected) ? [{ jobs }] : []);
}

function countsTo(counts: Readonly<Record<Status, number>>): Part {
  return (jobs) => {
    const found = [...jobs.values()].map(({ status }) => status);
    return STATUSES.every((status) => counts[status] === found.filter((one) => one === status).length)
      ? [{ jobs }]
      : [];
  };
}

function timed(job: Job<Report>): ModelJob {
  return { createdAt: job.createdAt.getTime(), ...toModel(job) };
}

function aimAt(job: Job<Report>, by: AimBy): Aim {
  return { version: job.version, ...(by === "snapshot" && { createdAt: job.createdAt.getTime() }) };
}

function describe(job: Job<Report> | null): string {
  return job === null ? "null" : `${job.id} ${job.status}@${job.version}`;
}

function ifUnavailable(error: unknown): undefined {
  if (JobStoreError.is(error, "UNAVAILABLE")) return undefined;
  throw error;
}
