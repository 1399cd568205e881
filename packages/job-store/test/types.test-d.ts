import {
  type AnnouncedWorker,
  type AnyJobStore,
  type Change,
  type ClaimOptions,
  type Created,
  createJobStore,
  type DataOf,
  defineJob,
  type FailRequestOptions,
  type FieldOf,
  type FromOf,
  type Health,
  type Job,
  type JobDefinition,
  type JobFailure,
  type JobMessages,
  type JobStore,
  JobStoreError,
  type JobStoreErrorCode,
  type Json,
  type JsonOnly,
  type ListQuery,
  type NextOf,
  type NotStorable,
  type Outbox,
  type OutboxEntry,
  type OutboxMessage,
  type OutboxPage,
  type Page,
  type ProgressOf,
  type RejectedEntry,
  type Requested,
  type RequestingMessage,
  type ResultOf,
  type ScheduledEntry,
  type SentPayload,
  type StatusChange,
  type StatusOf,
  type StatusRule,
  type Storable,
  type StoreEvent,
  type WaitingEntry,
  type Where,
  type WorkingOf,
} from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import {
  type SubtitleData,
  type SubtitleProgress,
  type SubtitleResult,
  subtitleJob,
  subtitleTtlFromEnv,
} from "@subtitles/job-store/subtitle";
import { describe, expectTypeOf, test } from "vitest";
import * as z from "zod";

type Subtitle = typeof subtitleJob;
type Status = "pending" | "downloading" | "translating" | "completed" | "failed";
const store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
const video = { videoUrl: "u", videoTitle: "t", language: "en" };
declare const job: Job<Subtitle>;
declare const pending: Job<Subtitle, "pending">;
declare const working: Job<Subtitle, "downloading" | "translating">;

describe("the types of a definition", () => {
  test("statuses, data, result and progress", () => {
    expectTypeOf<StatusOf<Subtitle>>().toEqualTypeOf<Status>();
    expectTypeOf<DataOf<Subtitle>>().toEqualTypeOf<SubtitleData>();
    expectTypeOf<ResultOf<Subtitle>>().toEqualTypeOf<SubtitleResult>();
    expectTypeOf<ProgressOf<Subtitle>>().toEqualTypeOf<SubtitleProgress>();
    expectTypeOf(subtitleJob).toExtend<JobDefinition>();
    expectTypeOf(subtitleTtlFromEnv({})).toEqualTypeOf<{ readonly [S in Status]: number }>();
  });

  test("statuses have literal types", () => {
    expectTypeOf(subtitleJob.initial).toEqualTypeOf<"pending">();
    expectTypeOf(subtitleJob.statuses.translating.next).toEqualTypeOf<
      readonly ["translating", "completed", "failed"]
    >();
    expectTypeOf(subtitleJob.statuses.completed.ttlSeconds).toEqualTypeOf<604_800>();
  });

  test("the next statuses of several statuses are those that can follow each of them", () => {
    expectTypeOf<NextOf<Subtitle, "pending">>().toEqualTypeOf<"downloading" | "translating" | "failed">();
    expectTypeOf<NextOf<Subtitle, "completed">>().toEqualTypeOf<never>();
    expectTypeOf<NextOf<Subtitle, "pending" | "downloading">>().toEqualTypeOf<
      "downloading" | "translating" | "failed"
    >();
    expectTypeOf<NextOf<Subtitle, "downloading" | "translating">>().toEqualTypeOf<
      "translating" | "completed" | "failed"
    >();
    expectTypeOf<NextOf<Subtitle, "translating" | "failed">>().toEqualTypeOf<never>();
  });

  test("without result and progress they are null", () => {
    const plain = defineJob({ name: "plain", data: z.string(), initial: "a", statuses: { a: { next: [] } } });
    expectTypeOf<ResultOf<typeof plain>>().toEqualTypeOf<null>();
    expectTypeOf<ProgressOf<typeof plain>>().toEqualTypeOf<null>();
  });
});

describe("defineJob rejects", () => {
  const statuses = { a: { next: ["b"] }, b: { next: [], final: true } } as const;
  const data = z.object({ title: z.string() });

  test("an unknown status in `next`", () => {
    // @ts-expect-error: unknown status c
    defineJob({ name: "x", data, initial: "a", statuses: { a: { next: ["c"] } } });
  });
  test("an unknown initial status", () => {
    // @ts-expect-error: unknown status c
    defineJob({ name: "x", data, initial: "c", statuses });
  });
  test("a misspelt key of a rule", () => {
    // @ts-expect-error: the key is ttlSeconds
    defineJob({ name: "x", data, initial: "a", statuses: { a: { next: [], ttlSecond: 60 } } });
    // @ts-expect-error: the key is maxCount
    defineJob({ name: "x", data, initial: "a", statuses: { a: { next: [], maxcount: 60 } } });
  });
  test("a count that is not a number", () => {
    // @ts-expect-error: a number
    defineJob({ name: "x", data, initial: "a", statuses: { a: { next: [], maxCount: "60" } } });
    const kept = defineJob({ name: "x", data, initial: "a", statuses: { a: { next: [], maxCount: 60 } } });
    expectTypeOf(kept.statuses.a.maxCount).toEqualTypeOf<60>();
  });
  test("an unknown status in `timeoutTo`", () => {
    const rule = { next: ["b"], timeoutSeconds: 60 } as const;
    const b = { next: [], final: true } as const;
    defineJob({ name: "x", data, initial: "a", statuses: { a: { ...rule, timeoutTo: "b" }, b } });
    // @ts-expect-error: "c" is not defined
    defineJob({ name: "x", data, initial: "a", statuses: { a: { ...rule, timeoutTo: "c" }, b } });
    // @ts-expect-error: a time is a number
    defineJob({ name: "x", data, initial: "a", statuses: { a: { ...rule, timeoutSeconds: "60" }, b } });
  });

  test("a message of a status without a queue, or with an unknown field or key", () => {
    const index = { owner: () => "x" };
    const sending = { next: [], sends: [{ queue: "q", ifField: "owner" }, { queue: "q" }] } as const;
    const kept = defineJob({ name: "x", data, initial: "a", index, statuses: { a: sending } });
    expectTypeOf(kept.statuses.a.sends[0].ifField).toEqualTypeOf<"owner">();
    defineJob({ name: "x", data, initial: "a", statuses: { a: { next: [], sends: [{ queue: "q" }] } } });
    // @ts-expect-error: `queue` is required
    defineJob({ name: "x", data, initial: "a", statuses: { a: { next: [], sends: [{}] } } });
    const unknown = { next: [], sends: [{ queue: "q", ifField: "team" }] } as const;
    // @ts-expect-error: "team" is no index field
    defineJob({ name: "x", data, initial: "a", index, statuses: { a: unknown } });
    // @ts-expect-error: there is no index
    defineJob({ name: "x", data, initial: "a", statuses: { a: unknown } });
  });

  test("a rule without `next`", () => {
    // @ts-expect-error: `next` is required
    defineJob({ name: "x", data, initial: "a", statuses: { a: { final: true } } });
  });
  test("data that is not JSON at every depth", () => {
    // @ts-expect-error: a stored Date is read as a string
    defineJob({ name: "x", data: z.object({ at: z.date() }), initial: "a", statuses });
    // @ts-expect-error: a stored Map is read as {}
    defineJob({ name: "x", data: z.object({ deep: z.array(z.map(z.string(), z.string())) }), initial: "a", statuses });
    // @ts-expect-error: JSON has no bigint
    defineJob({ name: "x", data: z.bigint(), initial: "a", statuses });
  });
  test("data that its schema cannot parse a second time", () => {
    // @ts-expect-error: the schema expects text, but the stored value is a number
    defineJob({ name: "x", data: z.string().transform(Number), initial: "a", statuses });
  });
  test("a result and progress that are not JSON", () => {
    // @ts-expect-error: a stored Date is read as a string
    defineJob({ name: "x", data, result: z.date(), initial: "a", statuses });
    // @ts-expect-error: a stored Set is read as {}
    defineJob({ name: "x", data, progress: z.set(z.string()), initial: "a", statuses });
  });
  test("but not interfaces, defaults, coercions to the same type, unions, optional and JSON of any kind", () => {
    interface Page {
      readonly title: string;
      readonly pages?: readonly Page[];
    }
    const page: z.ZodType<Page, Page> = z.lazy(() =>
      z.object({ title: z.string(), pages: z.array(page).optional() }),
    ) as never;
    const accepted = defineJob({
      name: "x",
      data: z.object({
        page,
        note: z.string().default(""),
        trimmed: z.string().trim(),
        any: z.json(),
        maybe: z.null().optional(),
      }),
      result: z.union([z.literal("a"), z.number()]),
      progress: undefined,
      initial: "a",
      statuses,
    });
    expectTypeOf<DataOf<typeof accepted>["page"]>().toEqualTypeOf<Page>();
    expectTypeOf<JsonOnly<Page>>().toExtend<Page>();
    expectTypeOf<JsonOnly<{ at: Date }>>().toEqualTypeOf<{ readonly at: never }>();
    expectTypeOf<Storable<z.ZodDate>>().toExtend<NotStorable<string>>();
    expectTypeOf<z.ZodDate>().not.toExtend<NotStorable<string>>();
  });
});

describe("the job", () => {
  test("is a union by status, and a check of the status narrows it", () => {
    expectTypeOf(job.status).toEqualTypeOf<Status>();
    expectTypeOf(job.data).toEqualTypeOf<SubtitleData>();
    expectTypeOf(job.result).toEqualTypeOf<SubtitleResult | null>();
    expectTypeOf(job.progress).toEqualTypeOf<SubtitleProgress | null>();
    expectTypeOf(job.error).toEqualTypeOf<JobFailure | null>();
    expectTypeOf(job.expiresAt).toEqualTypeOf<Date | null>();
    expectTypeOf(job.history).toEqualTypeOf<readonly StatusChange<Status>[]>();
    if (job.status === "failed") {
      expectTypeOf(job).toEqualTypeOf<Job<Subtitle, "failed">>();
      expectTypeOf(store.updateStatus(job, "pending")).resolves.toEqualTypeOf<Job<Subtitle, "pending">>();
    }
  });
  test("is read-only", () => {
    // @ts-expect-error: a snapshot is read-only
    job.version = 2;
    // @ts-expect-error: a snapshot is read-only
    job.history.push();
  });
  test("has the initial status if create has created it", async () => {
    const created = await store.create(video);
    expectTypeOf(created).toEqualTypeOf<Created<Subtitle>>();
    if (created.created) expectTypeOf(created.job).toEqualTypeOf<Job<Subtitle, "pending">>();
    else expectTypeOf(created.job).toEqualTypeOf<Job<Subtitle>>();
  });
});

describe("updateStatus", () => {
  test("by snapshot: a transition that the lifecycle does not allow does not compile", () => {
    expectTypeOf(store.updateStatus(pending, "downloading")).resolves.toEqualTypeOf<Job<Subtitle, "downloading">>();
    expectTypeOf(store.updateStatus(working, "completed")).resolves.toEqualTypeOf<Job<Subtitle, "completed">>();
    // @ts-expect-error: pending → completed
    void store.updateStatus(pending, "completed");
    // @ts-expect-error: pending → pending
    void store.updateStatus(pending, "pending");
    // @ts-expect-error: only one of the two statuses allows downloading
    void store.updateStatus(working, "downloading");
    // @ts-expect-error: unknown status
    void store.updateStatus(pending, "done");
    // @ts-expect-error: a snapshot with an unknown status must be passed by id
    void store.updateStatus(job, "failed");
    // @ts-expect-error: the snapshot has its own version
    void store.updateStatus(pending, "downloading", { ifVersion: 1 });
  });
  test("the error of the compiler is at the wrong argument", () => {
    void store.updateStatus(
      pending,
      // @ts-expect-error: this one, not the snapshot
      "completed",
    );
    void store.updateStatus(working, "completed", {
      result: {
        // @ts-expect-error: a number
        subtitleUrl: 1,
      },
    });
    void store.updateStatus(
      "a",
      // @ts-expect-error: this one, not the id
      "done",
    );
  });
  test("by id: any status, with an optional ifVersion", () => {
    expectTypeOf(store.updateStatus("a", "completed")).resolves.toEqualTypeOf<Job<Subtitle, "completed">>();
    expectTypeOf(store.updateStatus(job.id, "failed", { ifVersion: job.version })).resolves.toEqualTypeOf<
      Job<Subtitle, "failed">
    >();
    // @ts-expect-error: unknown status
    void store.updateStatus("a", "done");
  });
  test("result, progress and error are those of the definition", () => {
    expectTypeOf<Change<Subtitle>["result"]>().toEqualTypeOf<SubtitleResult | undefined>();
    // @ts-expect-error: unknown field
    void store.updateStatus(pending, "failed", { result: { url: "x" } });
    // @ts-expect-error: message is required
    void store.updateStatus(pending, "failed", { error: "no" });
    // @ts-expect-error: misspelt
    void store.updateStatus(pending, "failed", { reason: "no" });
  });
});

describe("request", () => {
  test("creates or retries a job of any known status", async () => {
    const answer = await store.request(video, { id: "a", retryFrom: ["failed"], by: "web", outbox: undefined });
    expectTypeOf(answer).toEqualTypeOf<Requested<Subtitle>>();
    expectTypeOf(answer.outcome).toEqualTypeOf<"created" | "retried" | "exists">();
    // @ts-expect-error: the id is required
    void store.request(video, {});
    // @ts-expect-error: unknown status
    void store.request(video, { id: "a", retryFrom: ["gone"] });
  });
});

describe("save", () => {
  const { leasedUntil: _, ...withoutLease } = pending;
  test("accepts a job without its lease, and a job as it was read", () => {
    expectTypeOf(store.save(withoutLease)).resolves.toEqualTypeOf<Job<Subtitle>>();
    void store.save(job);
    void store.save({ ...withoutLease, leasedUntil: undefined });
    const { version: __, ...withoutVersion } = withoutLease;
    // @ts-expect-error: the version is required
    void store.save(withoutVersion);
    // @ts-expect-error: unknown status
    void store.save({ ...withoutLease, status: "gone" });
  });
});

describe("leases", () => {
  const message = { queue: "q", id: "m" };
  const claim = { leaseMs: 15_000, key: "k", message: { ...message, payload: 1 } };

  test("claim takes a job from statuses that lead to the working status", async () => {
    const answer = await store.claim("a", "downloading", { ...claim, from: ["pending"] });
    if (answer.kind === "claimed") {
      expectTypeOf(answer.job).toEqualTypeOf<Job<Subtitle, "downloading">>();
      expectTypeOf(answer.failedAttempts).toEqualTypeOf<number>();
      expectTypeOf(answer.expiredLeases).toEqualTypeOf<number>();
      expectTypeOf(answer.origin).toEqualTypeOf<string>();
    }
    expectTypeOf(answer.kind).toEqualTypeOf<
      ("claimed" | "missing" | "outdated" | "handled" | "moved" | "leased" | "changed") | ("paused" | "limited")
    >();
    expectTypeOf<WorkingOf<Subtitle>>().toEqualTypeOf<"downloading" | "translating">();
    expectTypeOf<FromOf<Subtitle, "downloading">>().toEqualTypeOf<"pending" | "downloading">();
    // @ts-expect-error: "pending" does not follow itself
    void store.claim("a", "pending", { ...claim, from: [] });
    // @ts-expect-error: "completed" is final
    void store.claim("a", "completed", { ...claim, from: [] });
    // @ts-expect-error: "translating" does not lead to "downloading"
    void store.claim("a", "downloading", { ...claim, from: ["translating"] });
    // @ts-expect-error: this definition has no index
    void store.claim("a", "downloading", { ...claim, from: ["pending"], limit: { field: "language", max: 3 } });
    // @ts-expect-error: a claim has a key
    void store.claim("a", "downloading", { from: ["pending"], leaseMs: 1, message: claim.message });
  });
  test("failRequest requires the reason, and answers with a failed job", async () => {
    const options = { from: ["pending"], working: "downloading", message } as const;
    const answer = await store.failRequest("a", "failed", { ...options, error: { message: "no" } });
    if (answer.kind === "failed") expectTypeOf(answer.job).toEqualTypeOf<Job<Subtitle>>();
    // @ts-expect-error: the reason is required
    void store.failRequest("a", "failed", options);
  });
  test("renewLeases answers for each job", () => {
    expectTypeOf(store.renewLeases([pending, working], 0)).resolves.toEqualTypeOf<readonly boolean[]>();
  });
  test("a flag of a change is true or absent", () => {
    void store.updateStatus(working, "completed", { handled: true, failedAttempt: undefined, leaseMs: undefined });
    // @ts-expect-error: true or absent
    void store.updateStatus(working, "completed", { handled: false });
  });
});

describe("lists", () => {
  test("contain jobs in the requested statuses", async () => {
    expectTypeOf(store.list()).resolves.toEqualTypeOf<Page<Subtitle>>();
    expectTypeOf((await store.list({ status: "failed" })).items).toEqualTypeOf<readonly Job<Subtitle, "failed">[]>();
    const both = await store.list({ status: ["failed", "completed"] });
    expectTypeOf(both.items).toEqualTypeOf<readonly Job<Subtitle, "failed" | "completed">[]>();
    for await (const one of store.scan({ status: "failed" })) expectTypeOf(one.status).toEqualTypeOf<"failed">();
    // @ts-expect-error: unknown status
    void store.list({ status: "done" });
    // @ts-expect-error: a scan reads all pages
    store.scan({ cursor: "x" });
  });
  test("counts contain every status", () => {
    expectTypeOf(store.counts()).resolves.toEqualTypeOf<Readonly<Record<Status, number>>>();
  });
});

describe("indexed fields", () => {
  const film = defineJob({
    name: "film",
    data: z.object({ language: z.string(), owner: z.string().nullable().optional(), minutes: z.number() }),
    initial: "a",
    statuses: { a: { next: ["b"] }, b: { next: [], final: true } },
    index: {
      language: (data) => {
        expectTypeOf(data.language).toEqualTypeOf<string>();
        return data.language;
      },
      owner: ({ owner }) => owner,
    },
  });
  const films = createJobStore({ job: film, driver: memoryDriver() });

  test("are those that the definition declares", () => {
    expectTypeOf(film).toExtend<JobDefinition>();
    expectTypeOf<FieldOf<typeof film>>().toEqualTypeOf<"language" | "owner">();
    expectTypeOf<FieldOf<Subtitle>>().toEqualTypeOf<never>();
    expectTypeOf(films).toExtend<AnyJobStore>();
  });
  test("can be used in a query, one at a time, with or without a status", async () => {
    void films.list({ where: { language: "es" } });
    expectTypeOf(films.counts({ where: { owner: "ann" } })).resolves.toEqualTypeOf<
      Readonly<Record<"a" | "b", number>>
    >();
    films.scan({ where: { owner: "ann" }, status: "b" });
    const where: Where<typeof film> = { language: "es", owner: undefined };
    const page = await films.list({ where, status: "b" });
    expectTypeOf(page.items).toEqualTypeOf<readonly Job<typeof film, "b">[]>();
  });
  test("can limit claims and workers", () => {
    type Limit = { field: "language" | "owner"; max: number };
    expectTypeOf<ClaimOptions<typeof film>["limit"]>().toExtend<Limit | undefined>();
    expectTypeOf<{ limit: Limit }>().toExtend<Pick<ClaimOptions<typeof film>, "limit">>();
    expectTypeOf<{ limit: Limit }>().toExtend<Pick<AnnouncedWorker<typeof film>, "limit">>();
    expectTypeOf<{ limit: { field: "minutes"; max: 1 } }>().not.toExtend<Pick<ClaimOptions<typeof film>, "limit">>();
  });
  test("others do not compile", () => {
    // @ts-expect-error: not in the index
    void films.list({ where: { minutes: "90" } });
    // @ts-expect-error: not in the index
    films.scan({ where: { lang: "es" } });
    // @ts-expect-error: one field in a query
    void films.list({ where: { language: "es", owner: "ann" } });
    // @ts-expect-error: no field
    void films.list({ where: {} });
    // @ts-expect-error: values are strings
    void films.list({ where: { language: 1 } });
    // @ts-expect-error: this definition has no index
    void store.list({ where: { language: "es" } });
    // @ts-expect-error: not in the index
    void films.counts({ where: { minutes: "90" } });
    // @ts-expect-error: this definition has no index
    void store.counts({ where: { language: "es" } });
  });
  test("have string values", () => {
    const rest = { name: "x", data: z.object({ n: z.number() }), initial: "a", statuses: { a: { next: [] } } } as const;
    // @ts-expect-error: a number
    defineJob({ ...rest, index: { n: (data) => data.n } });
    // @ts-expect-error: unknown property of the data
    defineJob({ ...rest, index: { m: (data) => data.m } });
    defineJob({ ...rest, index: { n: (data) => (data.n > 0 ? String(data.n) : null) } });
    defineJob({ ...rest, index: undefined });
  });
});

describe("inputs", () => {
  test("accept undefined for every optional property", () => {
    const nothing = undefined;
    void store.create(
      { ...video, targetLanguage: nothing, preferredSources: nothing },
      { id: nothing, by: nothing, outbox: nothing },
    );
    void store.createMany([{ data: video, id: nothing, by: nothing, outbox: nothing }]);
    void store.updateStatus("a", "failed", {
      result: nothing,
      error: { message: "no", code: nothing, retryable: nothing },
      progress: nothing,
      by: nothing,
      note: nothing,
      outbox: [{ queue: "q", payload: 1, id: nothing, headers: nothing, delayMs: nothing }],
      ifVersion: nothing,
    });
    void store.list({
      status: nothing,
      where: nothing,
      order: nothing,
      after: nothing,
      before: nothing,
      limit: nothing,
      cursor: nothing,
    });
    store.scan({ status: nothing, signal: nothing });
    void store.counts({ where: nothing });
    void store.outbox.read({ limit: nothing, waitMs: nothing, claimMs: nothing, signal: nothing });
    void store.outbox.rejected({ limit: nothing });
    void store.outbox.list({ kind: "waiting", limit: nothing, cursor: nothing });
    void store.health({ timeoutMs: nothing });
    memoryDriver({ maxJobs: nothing });
    createJobStore({
      job: subtitleJob,
      driver: memoryDriver(),
      ttlSeconds: { failed: nothing },
      historyLimit: nothing,
      validateReads: nothing,
      maxRecordBytes: nothing,
      timeouts: nothing,
      onEvent: nothing,
    });
    expectTypeOf<{ next: []; final: undefined; ttlSeconds: undefined; maxCount: undefined }>().toExtend<StatusRule>();
  });
  test("results of the store omit absent properties", () => {
    expectTypeOf<Page<Subtitle>>().toHaveProperty("cursor");
    expectTypeOf<{ items: []; unreadable: []; cursor: undefined }>().not.toExtend<Page<Subtitle>>();
    expectTypeOf<{ from: null; to: "a"; at: Date; version: 1; by: undefined }>().not.toExtend<StatusChange>();
  });
  test("the driver is required", () => {
    // @ts-expect-error: there is no default driver
    createJobStore({ job: subtitleJob });
  });
  test("data has the input type of the schema", () => {
    // @ts-expect-error: no title
    void store.create({ videoUrl: "u", language: "en" });
    // @ts-expect-error: progress has a stage
    void store.updateProgress(pending, { done: 1, total: 2 });
  });
});

describe("public types", () => {
  test("a store has these members and no others", () => {
    expectTypeOf<keyof JobStore<Subtitle>>().toEqualTypeOf<
      | ("definition" | "create" | "createMany" | "request" | "save" | "get" | "getMany" | "updateStatus")
      | "updateProgress"
      | ("claim" | "failRequest" | "renewLeases" | "announceWorker" | "workers")
      | ("pauseQueue" | "resumeQueue" | "pausedQueues" | "explain" | "activity")
      | (
          | "delete"
          | "deleteMany"
          | "list"
          | "scan"
          | "counts"
          | "activity"
          | "outbox"
          | "health"
          | "close"
          | "watch"
          | "waitFor"
          | "audit"
        )
      | typeof Symbol.asyncDispose
    >();
    expectTypeOf<keyof Outbox>().toEqualTypeOf<
      | ("read" | "ack" | "reject" | "rejected" | "list" | "ofJob" | "countRejected" | "requeue" | "depth")
      | ("reschedule" | "cancel" | "scheduled" | "oldest")
    >();
    expectTypeOf<keyof ListQuery<Subtitle>>().toEqualTypeOf<
      "status" | "where" | "order" | "after" | "before" | "limit" | "cursor"
    >();
    expectTypeOf<keyof Change<Subtitle>>().toEqualTypeOf<
      ("result" | "error" | "progress" | "by" | "note" | "key" | "outbox") | ("handled" | "leaseMs" | "failedAttempt")
    >();
    expectTypeOf<keyof ClaimOptions<Subtitle, "downloading">>().toEqualTypeOf<
      "from" | "leaseMs" | "key" | "message" | "ifVersion" | "limit" | "by" | "note"
    >();
    expectTypeOf<keyof FailRequestOptions<Subtitle>>().toEqualTypeOf<
      "from" | "working" | "message" | "error" | "by" | "note"
    >();
    expectTypeOf<keyof RequestingMessage>().toEqualTypeOf<"queue" | "id" | "origin">();
    expectTypeOf<keyof StatusRule>().toEqualTypeOf<
      "next" | "final" | "ttlSeconds" | "maxCount" | "timeoutSeconds" | "timeoutTo" | "sends"
    >();
    expectTypeOf<keyof Job<Subtitle, "failed">>().toEqualTypeOf<
      | ("id" | "status" | "version" | "attempt" | "data" | "progress" | "result" | "error")
      | ("createdAt" | "updatedAt" | "statusAt" | "expiresAt" | "leasedUntil" | "history")
    >();
  });
  test("objects have these properties", () => {
    expectTypeOf<JobFailure>().toEqualTypeOf<{
      readonly message: string;
      readonly code?: string | undefined;
      readonly retryable?: boolean | undefined;
    }>();
    expectTypeOf<OutboxMessage>().toEqualTypeOf<{
      readonly queue: string;
      readonly payload: unknown;
      readonly id?: string | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly delayMs?: number | undefined;
    }>();
    expectTypeOf<OutboxEntry>().toEqualTypeOf<{
      readonly entryId: string;
      readonly jobId: string;
      readonly at: Date;
      readonly queue: string;
      readonly payload: unknown;
      readonly id: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly origin?: string | undefined;
    }>();
    const ofEntry = { entryId: "1-1", jobId: "a", at: new Date(), queue: "q", payload: 1, id: "a.1.0", headers: {} };
    expectTypeOf({ ...ofEntry, kind: "waiting" as const, claimed: true }).toExtend<WaitingEntry>();
    expectTypeOf(store.outbox.list({ kind: "scheduled" })).resolves.toEqualTypeOf<OutboxPage<"scheduled">>();
    expectTypeOf<OutboxPage<"rejected">["entries"]>().toEqualTypeOf<readonly RejectedEntry[]>();
    expectTypeOf<ScheduledEntry["dueAt"]>().toEqualTypeOf<Date>();
    expectTypeOf(store.outbox.ofJob("a")).resolves.toEqualTypeOf<JobMessages>();
    expectTypeOf<SentPayload>().toEqualTypeOf<{
      readonly jobId: string;
      readonly status: string;
      readonly fields: Readonly<Record<string, string>>;
    }>();
    expectTypeOf<Health>().toEqualTypeOf<{
      readonly status: "healthy" | "degraded" | "unhealthy";
      readonly driver: string;
      readonly latencyMs: number | null;
      readonly details: Readonly<Record<string, Json>>;
      readonly warnings: readonly string[];
      readonly error?: string;
    }>();
    expectTypeOf<StoreEvent>().toEqualTypeOf<{
      readonly type:
        | ("connected" | "disconnected" | "degraded" | "recovered")
        | ("restarted" | "paused" | "resumed" | "warning");
      readonly message: string;
      readonly details?: Readonly<Record<string, Json>>;
    }>();
  });
  test("errors are narrowed by their code", () => {
    expectTypeOf<JobStoreErrorCode>().toEqualTypeOf<
      | ("NOT_FOUND" | "CONFLICT" | "ILLEGAL_TRANSITION" | "INVALID_DATA" | "INVALID_ARGUMENT")
      | ("NEWER_FORMAT" | "UNREADABLE_RECORD" | "UNAVAILABLE" | "TIMEOUT" | "CLOSED")
    >();
    const error: unknown = null;
    if (JobStoreError.is(error)) expectTypeOf(error.code).toEqualTypeOf<JobStoreErrorCode>();
    if (JobStoreError.is(error, "CONFLICT")) {
      expectTypeOf(error.code).toEqualTypeOf<"CONFLICT">();
      expectTypeOf(error.currentVersion).toEqualTypeOf<number | undefined>();
    }
    // @ts-expect-error: unknown code
    JobStoreError.is(error, "GONE");
  });
  test("AnyJobStore accepts a store of any definition, and has only members that do not depend on it", () => {
    const other = defineJob({ name: "x", data: z.string(), initial: "a", statuses: { a: { next: [] } } });
    expectTypeOf(store).toExtend<AnyJobStore>();
    expectTypeOf(createJobStore({ job: other, driver: memoryDriver() })).toExtend<AnyJobStore>();
    expectTypeOf<keyof AnyJobStore>().toEqualTypeOf<"health" | "outbox" | "close" | "delete">();
  });
  test("a store of one definition is not assignable to a store of another one", () => {
    const other = defineJob({ name: "x", data: z.string(), initial: "a", statuses: { a: { next: [] } } });
    expectTypeOf(store).not.toExtend<JobStore<typeof other>>();
  });
});
