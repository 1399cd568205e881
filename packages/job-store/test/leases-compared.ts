import fc from "fast-check";
import { expect, vi } from "vitest";
import * as z from "zod";
import {
  type Change,
  type ClaimOptions,
  createJobStore,
  defineJob,
  type Job,
  type JobStore,
  JobStoreError,
  type OutboxEntry,
  type StatusOf,
} from "../src/index.js";
import type { JobStoreDriver } from "../src/lib/driver.js";

/** Jobs with two working statuses, one status between them that cannot have a lease, and messages of statuses. */
const task = defineJob({
  name: "task",
  data: z.object({ label: z.string().optional() }),
  result: z.null(),
  progress: z.object({ done: z.number() }),
  initial: "waiting",
  statuses: {
    waiting: { next: ["working", "encoding", "failed"] },
    working: {
      next: ["working", "checking", "encoding", "done", "failed"],
      sends: [{ queue: "audit" }, { queue: "labels", ifField: "label" }],
    },
    checking: { next: ["working", "encoding", "done", "failed"], sends: [{ queue: "q2" }] },
    encoding: { next: ["encoding", "working", "done", "failed"] },
    done: { next: [], final: true },
    failed: { next: ["waiting", "working"], final: true, sends: [{ queue: "q1" }] },
  },
  index: { label: ({ label }) => label },
});
type Task = typeof task;
type Status = StatusOf<Task>;
type Message = ClaimOptions<Task>["message"];
type Working = "working" | "encoding";

const STATUSES = Object.keys(task.statuses) as Status[];
const IDS = ["a", "b"] as const;
const LONG = 3_600_000;
/** Lease or delay that is over before the next call. */
const SHORT = 1;
const FROM: Readonly<Record<Working, ClaimOptions<Task, Working>["from"]>> = {
  working: ["waiting", "checking"],
  encoding: ["waiting", "working", "checking"],
};

export type Action =
  | { readonly verb: "create"; readonly id: string; readonly label: boolean; readonly outbox: readonly Sent[] }
  | {
      readonly verb: "claim";
      readonly id: string;
      readonly to: Working;
      readonly message: number;
      /** 0: a new key. n: the key of the nth latest claim or change. */
      readonly key: number;
      readonly leaseMs: number;
      readonly drift: number | null;
      /** Maximum number of running jobs with the same label. null: no limit. */
      readonly max: number | null;
    }
  | {
      readonly verb: "move";
      readonly id: string;
      /** null: by id. n: by the nth latest snapshot. */
      readonly snapshot: number | null;
      readonly to: Status | null;
      readonly handled: boolean;
      readonly leaseMs: number | null;
      readonly failedAttempt: boolean;
      readonly key: number | null;
      readonly outbox: readonly Sent[];
    }
  | { readonly verb: "renew"; readonly snapshots: readonly number[]; readonly leaseMs: number }
  | {
      readonly verb: "fail";
      readonly id: string;
      readonly message: number;
      readonly working: Working;
      readonly to: "failed" | "done" | "checking";
    }
  | { readonly verb: "save"; readonly snapshot: number; readonly status: Status | null; readonly attempt: number }
  | {
      readonly verb: "request";
      readonly id: string;
      readonly label: boolean;
      readonly retries: boolean;
      readonly outbox: readonly Sent[];
    }
  /** Changes the due time of a scheduled message. */
  | { readonly verb: "reschedule"; readonly place: number; readonly isDueNow: boolean }
  | { readonly verb: "cancel"; readonly place: number }
  | { readonly verb: "pause" | "resume"; readonly queue: string }
  | { readonly verb: "progress"; readonly id: string }
  | { readonly verb: "delete"; readonly id: string }
  | { readonly verb: "read" };

/** Message of a change. */
interface Sent {
  readonly queue: string;
  readonly delayMs: number | null;
}

const QUEUES = ["q1", "q2", 'q "3", é\n'] as const;
const DIRECT_IDS = ["m-1", 'm "2" é'] as const;

const id = fc.oneof({ weight: 5, arbitrary: fc.constant("a") }, fc.constant("b"));
/** Place from the end of a list: mostly the last one. */
const recent = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(2) }, fc.nat(12));
const leaseMs = fc.constantFrom(LONG, LONG, SHORT);
const outbox = fc.array(
  fc.record({ queue: fc.constantFrom(...QUEUES), delayMs: fc.constantFrom(null, null, SHORT, LONG) }),
  { maxLength: 2 },
);
const verb = <V extends string>(name: V) => fc.constant(name);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ verb: verb("create"), id, label: fc.boolean(), outbox }) },
  {
    weight: 10,
    arbitrary: fc.record({
      verb: verb("claim"),
      id,
      to: fc.constantFrom<Working>("working", "working", "encoding"),
      message: recent,
      key: fc.constantFrom(0, 0, 0, 0, 1, 2, 5),
      leaseMs,
      drift: fc.constantFrom(null, null, null, 0, 1),
      max: fc.constantFrom(null, null, 1, 1, 1, 2),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      verb: verb("move"),
      id,
      snapshot: fc.oneof(fc.constant(null), recent),
      // null: the status of the job.
      to: fc.constantFrom<(Status | null)[]>(null, null, null, "working", "working", "checking", ...STATUSES),
      handled: fc.boolean(),
      leaseMs: fc.constantFrom(null, null, LONG, SHORT),
      failedAttempt: fc.boolean(),
      key: fc.constantFrom(null, 0, 0, 1, 2, 4, 5),
      outbox,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      verb: verb("renew"),
      snapshots: fc.array(recent, { maxLength: 3 }),
      leaseMs: fc.constantFrom(0, LONG, SHORT),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: verb("fail"),
      id,
      message: recent,
      working: fc.constantFrom<Working>("working", "encoding"),
      to: fc.constantFrom("failed" as const, "failed" as const, "done" as const, "checking" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: verb("save"),
      snapshot: recent,
      status: fc.constantFrom(null, ...STATUSES),
      attempt: fc.constantFrom(0, 0, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ verb: verb("request"), id, label: fc.boolean(), retries: fc.boolean(), outbox }),
  },
  { weight: 2, arbitrary: fc.record({ verb: verb("reschedule"), place: recent, isDueNow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("cancel"), place: recent }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("pause"), queue: fc.constantFrom(...QUEUES) }) },
  { weight: 2, arbitrary: fc.record({ verb: verb("resume"), queue: fc.constantFrom(...QUEUES) }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("progress"), id }) },
  { weight: 1, arbitrary: fc.record({ verb: verb("delete"), id }) },
  { weight: 8, arbitrary: fc.record({ verb: verb("read") }) },
) as fc.Arbitrary<Action>;

/** One store, with everything that its calls have returned. Equal stores give equal answers to equal actions. */
class Side {
  readonly #store: JobStore<Task>;
  readonly #messages: Message[] = QUEUES.flatMap((queue) =>
    DIRECT_IDS.map((id) => ({ queue, id, payload: { id }, headers: { k: "é" } })),
  );
  readonly #snapshots: Job<Task>[] = [];
  readonly #keys: string[] = [];
  /** Creation times, as text, in the order in which they were seen. */
  readonly #creations: string[] = [];
  #scheduledLong = 0;
  #rescheduled = 0;

  constructor(driver: JobStoreDriver, historyLimit: number) {
    this.#store = createJobStore({ job: task, driver, historyLimit });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Performs an action. Returns its answer and the jobs after it, without times. */
  async perform(action: Action): Promise<unknown> {
    const answer = await this.#perform(action).catch((error: unknown) => {
      if (JobStoreError.is(error)) return error.code;
      throw error;
    });
    await this.#untilShortIsOver();
    const jobs = await this.#store.getMany(IDS);
    for (const job of jobs) if (job !== null) this.#note(job);
    return { answer, jobs: jobs.map((job) => (job === null ? null : this.#view(job))) };
  }

  async #perform(action: Action): Promise<unknown> {
    switch (action.verb) {
      case "create": {
        const { id, label } = action;
        const outbox = messages(action.outbox);
        const { job, created } = await this.#store.create(label ? { label: "x" } : {}, { id, outbox });
        if (created) this.#countLong(action.outbox);
        return [created, this.#note(job)];
      }
      case "claim":
        return this.#claim(action);
      case "move":
        return this.#move(action);
      case "renew": {
        const snapshots = action.snapshots.flatMap((place) => nth(this.#snapshots, place) ?? []);
        return this.#store.renewLeases(snapshots, action.leaseMs);
      }
      case "fail": {
        const { payload, headers, ...message } = nth(this.#messages, action.message) as Message;
        const { id, working, to } = action;
        const error = { code: "BROKEN", message: "Broken", retryable: false };
        const answer = await this.#store.failRequest(id, to, { from: FROM[working], working, message, error });
        return answer.kind === "failed" ? ["failed", this.#note(answer.job)] : answer.kind;
      }
      case "save": {
        const snapshot = nth(this.#snapshots, action.snapshot);
        if (snapshot === undefined) return null;
        const stored = (await this.#store.get(snapshot.id)) ?? snapshot;
        const { status, attempt } = stored;
        const changed = { ...stored, status: action.status ?? status, attempt: attempt + action.attempt };
        return this.#note(await this.#store.save(changed as Job<Task>));
      }
      case "request": {
        const { id, label, retries } = action;
        const options = { id, retryFrom: retries ? (["failed"] as const) : [], outbox: messages(action.outbox) };
        const { outcome, job } = await this.#store.request(label ? { label: "x" } : {}, options);
        if (outcome !== "exists") this.#countLong(action.outbox);
        return [outcome, this.#note(job)];
      }
      case "reschedule": {
        // Each message is due later than all others, so that the order does not depend on the milliseconds of the calls.
        const later = Date.now() + LONG + 60_000 * ++this.#rescheduled;
        const at = new Date(action.isDueNow ? 0 : later);
        const changed = await this.#store.outbox.reschedule([await this.#scheduledAt(action.place)], { at });
        if (changed[0] === true && action.isDueNow) this.#scheduledLong--;
        return changed;
      }
      case "cancel": {
        const cancelled = await this.#store.outbox.cancel([await this.#scheduledAt(action.place)]);
        if (cancelled[0] === true) this.#scheduledLong--;
        return cancelled;
      }
      case "pause":
        await this.#store.pauseQueue(action.queue, { reason: action.queue });
        return (await this.#store.pausedQueues()).map(({ queue, reason }) => [queue, reason]);
      case "resume":
        return this.#store.resumeQueue(action.queue);
      case "progress":
        return this.#store.updateProgress(action.id, { done: 1 });
      case "delete":
        return this.#store.delete(action.id);
      case "read":
        return this.#read();
    }
  }

  async #claim(action: Extract<Action, { verb: "claim" }>): Promise<unknown> {
    const { id, to, leaseMs, drift, max } = action;
    const message = nth(this.#messages, action.message) as Message;
    const stored = await this.#store.get(id);
    const ifVersion = drift === null ? undefined : (stored?.version ?? 1) + drift;
    const key = this.#key(action.key);
    const limit = max === null ? undefined : ({ field: "label", max } as const);
    const answer = await this.#store.claim(id, to, { from: FROM[to], leaseMs, key, message, ifVersion, limit });
    if (answer.kind !== "claimed") return answer.kind;
    const { job, failedAttempts, expiredLeases, origin } = answer;
    this.#messages.push({ ...message, origin });
    const view = this.#note(job);
    return [view, failedAttempts, expiredLeases, this.#originView(origin)];
  }

  async #move(action: Extract<Action, { verb: "move" }>): Promise<unknown> {
    const snapshot = action.snapshot === null ? undefined : nth(this.#snapshots, action.snapshot);
    const stored = await this.#store.get(snapshot?.id ?? action.id);
    const to = action.to ?? stored?.status ?? "working";
    const change: Change<Task> = {
      handled: action.handled || undefined,
      leaseMs: action.leaseMs ?? undefined,
      failedAttempt: action.failedAttempt || undefined,
      key: action.key === null ? undefined : this.#key(action.key),
      outbox: messages(action.outbox),
    };
    const target = snapshot === undefined ? action.id : (snapshot as Job<Task, never>);
    const job = await this.#store.updateStatus(target as string, to, change);
    // The job is unchanged if the key of the change is known, or if it was in this status.
    if (job.version !== stored?.version) this.#countLong(action.outbox);
    return this.#note(job);
  }

  /** Receives and acknowledges all messages of the outbox. The messages of leases that ended have no order. */
  async #read(): Promise<unknown> {
    const entries = await this.#store.outbox.read({ limit: 1000 });
    await this.#store.outbox.ack(entries.map(({ entryId }) => entryId));
    const sorted = entries
      .map((entry) => ({ entry, view: this.#entryView(entry) }))
      .toSorted((a, b) => (a.view < b.view ? -1 : 1));
    for (const { entry } of sorted) {
      const { queue, id, payload, headers, origin } = entry;
      this.#messages.push({ queue, id, payload, headers, origin });
    }
    return [sorted.map(({ view }) => view), await this.#store.outbox.depth()];
  }

  /** Returns the entry id of a scheduled message, by its place from the end, or an id that no message has. */
  async #scheduledAt(place: number): Promise<string> {
    const { entries } = await this.#store.outbox.list({ kind: "scheduled" });
    return nth(entries, place)?.entryId ?? "0-9999999";
  }

  #key(place: number): string {
    const known = place === 0 ? undefined : nth(this.#keys, place - 1);
    const key = known ?? `key "${this.#keys.length}"`;
    if (known === undefined) this.#keys.push(key);
    return key;
  }

  #countLong(outbox: readonly Sent[]): void {
    this.#scheduledLong += outbox.filter(({ delayMs }) => delayMs === LONG).length;
  }

  /** Waits until short leases and delays are over. */
  async #untilShortIsOver(): Promise<void> {
    await vi.waitFor(
      async () => {
        await this.#store.renewLeases([], 0);
        const [jobs, scheduled] = await Promise.all([this.#store.getMany(IDS), this.#store.outbox.scheduled()]);
        expect(jobs.every((job) => job === null || job.leasedUntil === null || isLong(job))).toBe(true);
        expect(scheduled).toBe(this.#scheduledLong);
      },
      { timeout: 60_000, interval: 1 },
    );
  }

  #note(job: Job<Task>): unknown {
    const last = this.#snapshots.at(-1);
    if (last?.id !== job.id || last.version !== job.version || last.createdAt.getTime() !== job.createdAt.getTime()) {
      this.#snapshots.push(job);
    }
    return this.#view(job);
  }

  /** Returns a job without times. */
  #view(job: Job<Task>): unknown {
    const { id, version, attempt, status, error, progress, history } = job;
    return {
      ...{ id, version, attempt, status, error, progress },
      creation: this.#creationOf(`${id} ${job.createdAt.getTime()}`),
      isLeased: isLong(job),
      history: history.map(({ at, ...change }) => change),
    };
  }

  #creationOf(text: string): number {
    if (!this.#creations.includes(text)) this.#creations.push(text);
    return this.#creations.indexOf(text);
  }

  #originView(text: string | undefined): unknown {
    if (text === undefined) return null;
    const [queue, definition, jobId, createdAt, attempt, version, dueAt] = JSON.parse(text);
    return [queue, definition, jobId, this.#creationOf(`${jobId} ${createdAt}`), attempt, version, dueAt > 0];
  }

  #entryView({ queue, id, jobId, payload, headers, origin }: OutboxEntry): string {
    return JSON.stringify([queue, id, jobId, payload, headers, this.#originView(origin)]);
  }
}

/** Returns true if the job has a lease that does not end in the test. */
function isLong({ leasedUntil }: Job<Task>): boolean {
  return leasedUntil !== null && leasedUntil.getTime() > Date.now() + LONG / 2;
}

function messages(outbox: readonly Sent[]) {
  return outbox.map(({ queue, delayMs }) => ({ queue, payload: queue, ...(delayMs !== null && { delayMs }) }));
}

/** Returns an element by its place from the end. */
function nth<T>(list: readonly T[], place: number): T | undefined {
  return list[list.length - 1 - (place % Math.max(1, list.length))];
}

/** Drivers to compare. */
export interface Drivers {
  readonly one: () => JobStoreDriver;
  readonly other: () => JobStoreDriver;
}

/** Performs the same calls with two drivers, and checks that they give the same answers. */
export async function expectSameAnswers(
  { one, other }: Drivers,
  historyLimit: number,
  actions: readonly Action[],
): Promise<void> {
  const sides = [new Side(one(), historyLimit), new Side(other(), historyLimit)] as const;
  try {
    for (const action of [...actions, { verb: "read" } as const]) {
      const [expected, answer] = await Promise.all(sides.map((side) => side.perform(action)));
      expect(answer).toEqual(expected);
    }
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

/** Compares two drivers for random sequences of calls, from a seed that fast-check prints if a check fails. */
export async function expectSameLeases(
  drivers: Drivers,
  parameters: { readonly seed: number; readonly numRuns: number },
): Promise<void> {
  const outbox = [{ queue: "q1", delayMs: null }];
  const begin: readonly Action[] = [{ verb: "create", id: "a", label: true, outbox }, { verb: "read" }];
  const sequences = fc.array(action, { minLength: 5, maxLength: 25, size: "max" });
  const property = fc.asyncProperty(fc.constantFrom(0, 1, 3, 100), sequences, (historyLimit, actions) =>
    expectSameAnswers(drivers, historyLimit, [...begin, ...actions]),
  );
  await fc.assert(property, parameters);
}
