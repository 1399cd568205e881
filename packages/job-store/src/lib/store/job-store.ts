import { v7 as uuid } from "uuid";
import type { input } from "zod/v4/core";
import { isAborted, stoppable, unlessAborted } from "../abort.js";
import type { Activity } from "../activity.js";
import {
  checkDate,
  checkId,
  checkIds,
  checkInteger,
  checkKeys,
  checkLease,
  checkMetadata,
  checkNewJobs,
  checkOptions,
  checkOutbox,
  checkRetryFrom,
  checkStatus,
  checkTrue,
  invalid,
  show,
} from "../arguments.js";
import type { ClaimOptions, ClaimResult, FailRequestOptions, FailRequestResult } from "../claims.js";
import { readCursor, writeCursor } from "../cursor.js";
import type { JobDefinition, StatusOf, WorkingOf } from "../definition.js";
import type { JobRecord, JobStorage, JobStoreDriver, ListRequest, NewJob, ReadResult, StoreConfig } from "../driver.js";
import { JobStoreError, unreadable, unreadableReason } from "../errors.js";
import type { JobEvent } from "../events.js";
import type { Created, Job, JobToSave } from "../job.js";
import type { Outbox } from "../outbox.js";
import type {
  AuditReport,
  Change,
  CountsQuery,
  CreateOptions,
  Health,
  JobStore,
  ListQuery,
  Page,
  Requested,
  RequestOptions,
} from "../types.js";
import { Watcher } from "../watch/watcher.js";
import type { AnnouncedWorker, Explanation, LiveWorker, PausedQueue, PauseOptions } from "../worker-operations.js";
import { inChunks } from "./chunks.js";
import { decode, encode, encodeData, encodeFailure, encodeJob, encodeProgress } from "./codec.js";
import { StoreCounts } from "./counts.js";
import { InFlightCalls } from "./in-flight-calls.js";
import { checkWhere, type IndexReader } from "./index-values.js";
import { markSharded } from "./key-limit.js";
import { checkStaysWorking, StoreLeases } from "./leases.js";
import {
  AUDIT_OPTIONS,
  CHANGE_BY_ID_OPTIONS,
  CHANGE_OPTIONS,
  CREATE_OPTIONS,
  LIST_OPTIONS,
  NEW_JOB_KEYS,
  REQUEST_OPTIONS,
  SCAN_OPTIONS,
  WAIT_FOR_OPTIONS,
  WATCH_OPTIONS,
  WATCH_TARGET_KEYS,
  WITHOUT_JOB,
} from "./option-keys.js";
import { StoreOutbox } from "./outbox.js";
import { type Rejection, rejection } from "./rejections.js";
import { audit, checkHealth, indexValuesReader, repairEvent } from "./reports.js";
import { toTarget } from "./target.js";
import { TimeoutEnforcer } from "./timeout-enforcer.js";
import { StoreWorkers } from "./workers.js";

/** Store for any driver: checks arguments, calls the storage, and converts its replies to jobs and errors. */
export class DefaultJobStore<D extends JobDefinition> implements JobStore<D> {
  readonly definition: D;
  readonly outbox: Outbox;
  readonly #config: StoreConfig;
  readonly #driverName: string;
  readonly #validateReads: boolean;
  readonly #index: IndexReader;
  readonly #storage: JobStorage;
  readonly #calls = new InFlightCalls();
  readonly #watcher: Watcher<D>;
  readonly #leases: StoreLeases<D>;
  readonly #workers: StoreWorkers<D>;
  readonly #counts: StoreCounts<D>;

  constructor(
    definition: D,
    config: StoreConfig,
    driver: Pick<JobStoreDriver, "name" | "open">,
    options: { readonly validateReads: boolean; readonly index: IndexReader; readonly enforcesTimeouts: boolean },
  ) {
    this.definition = definition;
    this.#config = config;
    this.#driverName = driver.name;
    this.#validateReads = options.validateReads;
    this.#index = options.index;
    this.#storage = driver.open(config);
    markSharded(this, this.#storage);
    this.outbox = new StoreOutbox(this.#storage, this.#calls, definition.name);
    this.#leases = new StoreLeases(definition, this.#storage, this.#calls, (record) => this.#decodeWritten(record));
    this.#workers = new StoreWorkers(definition, this.#storage, this.#calls, config);
    this.#counts = new StoreCounts(definition, this.#storage, this.#calls, config);
    const readJob = (id: string, result: ReadResult) => this.#decodeOrNull(id, result);
    this.#watcher = new Watcher({ definition, readJob }, this.#storage, this.#calls);
    if (options.enforcesTimeouts && config.timeouts.size > 0) new TimeoutEnforcer(this.#storage, config, this.#calls);
  }

  async create(data: input<D["data"]>, options: CreateOptions = {}): Promise<Created<D>> {
    return this.#create(data, checkOptions(options, CREATE_OPTIONS, "create"));
  }

  /** @throws JobStoreError INVALID_ARGUMENT, INVALID_DATA */
  #newJob(data: input<D["data"]>, id: string, options: CreateOptions): NewJob {
    return {
      id,
      status: this.definition.initial,
      ...encodeData(this.definition, data, id, this.#index),
      metadata: checkMetadata({ by: options.by }),
      outbox: checkOutbox(options.outbox, id),
    };
  }

  async request(data: input<D["data"]>, options: RequestOptions<D>): Promise<Requested<D>> {
    const { retryFrom, ...rest } = checkOptions(options, REQUEST_OPTIONS, "request");
    const id = checkId(rest.id);
    const job = { ...this.#newJob(data, id, rest), retryFrom: checkRetryFrom(this.definition, retryFrom) };
    const reply = await this.#calls.run(() => this.#storage.request(job));
    switch (reply.kind) {
      case "created":
      case "retried":
        return { outcome: reply.kind, job: this.#decodeWritten(reply.record) };
      case "exists":
        return { outcome: reply.kind, job: this.#decode(reply.record) };
      default:
        throw this.#rejection(reply, { jobId: id });
    }
  }

  async #create(data: input<D["data"]>, options: CreateOptions): Promise<Created<D>> {
    const id = options.id === undefined ? uuid() : checkId(options.id);
    const job = this.#newJob(data, id, options);
    const reply = await this.#calls.run(() => this.#storage.create(job));
    switch (reply.kind) {
      case "created":
        return { created: true, job: this.#decodeWritten(reply.record) as Job<D, D["initial"] & StatusOf<D>> };
      case "exists":
        return { created: false, job: this.#decode(reply.record) };
      default:
        throw this.#rejection(reply, { jobId: id });
    }
  }

  async createMany(
    jobs: readonly ({ readonly data: input<D["data"]> } & CreateOptions)[],
  ): Promise<readonly PromiseSettledResult<Created<D>>[]> {
    return inChunks(checkNewJobs(jobs), async (job) =>
      this.#create(job.data, checkKeys(job, NEW_JOB_KEYS, "A job of createMany")),
    );
  }

  async save(job: Job<D> | JobToSave<D>): Promise<Job<D>> {
    // The lease is not read.
    const record = encodeJob(this.definition, job as Job<D>, this.#config.historyLimit, this.#index);
    const reply = await this.#calls.run(() => this.#storage.save(record));
    if (reply.kind !== "saved") throw this.#rejection(reply, { jobId: record.id, expected: record.version });
    return this.#decodeWritten(reply.record);
  }

  async get(id: string): Promise<Job<D> | null> {
    const known = checkId(id);
    const [result] = await this.#calls.run(() => this.#storage.read([known]));
    return result === undefined ? null : this.#decodeOrNull(known, result);
  }

  async getMany(ids: readonly string[]): Promise<readonly (Job<D> | null)[]> {
    const known = checkIds(ids);
    if (known.length === 0) return [];
    const results = await this.#calls.run(() => this.#storage.read(known));
    return results.map((result, n) => this.#decodeOrNull(known[n] as string, result));
  }

  updateStatus<To extends StatusOf<D>>(
    target: string | Job<D>,
    to: To,
    change: Change<D> & { readonly ifVersion?: number | undefined } = {},
  ): Promise<Job<D, To>> {
    // Only a change with WITHOUT_JOB, which is not public, resolves to null.
    return this.#updateStatus(target, to, change) as Promise<Job<D, To>>;
  }

  async #updateStatus(
    job: string | Job<D>,
    to: string,
    change: Change<D> & { readonly ifVersion?: number | undefined },
  ): Promise<Job<D> | null> {
    const checked =
      typeof job === "string"
        ? checkOptions(change, CHANGE_BY_ID_OPTIONS, "updateStatus")
        : checkOptions(change, CHANGE_OPTIONS, "updateStatus with a snapshot");
    const target = toTarget(job, checked.ifVersion);
    const errorFields = { jobId: target.id };
    checkStatus(this.definition, to);
    if (change.leaseMs !== undefined) checkStaysWorking(this.definition, job, to);
    const { result, error, progress } = change;
    const withoutRecord = WITHOUT_JOB in change;
    const update = {
      target,
      to,
      result: result === undefined ? undefined : encode(this.definition.result, result, "result", errorFields),
      error: error === undefined ? undefined : encodeFailure(error, errorFields),
      progress: encodeProgress(this.definition, progress, errorFields),
      metadata: checkMetadata(change),
      outbox: checkOutbox(change.outbox, target.id),
      handled: checkTrue(change.handled, "handled"),
      leaseMs: change.leaseMs === undefined ? undefined : checkLease(change.leaseMs, 1),
      failedAttempt: checkTrue(change.failedAttempt, "failedAttempt"),
      withoutRecord,
    };
    const reply = await this.#calls.run(() => this.#storage.updateStatus(update));
    switch (reply.kind) {
      case "stored":
        return null;
      case "updated":
        return withoutRecord ? null : this.#decodeWritten(reply.record);
      case "unchanged":
        return withoutRecord ? null : this.#decode(reply.record);
      default:
        throw this.#rejection(reply, {
          jobId: target.id,
          expected: target.version,
          to,
          next: reply.kind === "illegal" ? this.definition.statuses[reply.from]?.next : [],
        });
    }
  }

  async updateProgress(job: string | Job<D>, progress: input<D["progress"]>): Promise<void> {
    const target = toTarget(job);
    const text = encode(this.definition.progress, progress, "progress", { jobId: target.id });
    const reply = await this.#calls.run(() => this.#storage.updateProgress(target, text));
    if (reply.kind !== "recorded") throw this.#rejection(reply, { jobId: target.id, expected: target.version });
  }

  claim<W extends WorkingOf<D>>(id: string, to: W, options: ClaimOptions<D, W>): Promise<ClaimResult<D, W>> {
    return this.#leases.claim(id, to, options) as Promise<ClaimResult<D, W>>;
  }

  failRequest(id: string, to: StatusOf<D>, options: FailRequestOptions<D>): Promise<FailRequestResult<D>> {
    return this.#leases.failRequest(id, to, options);
  }

  renewLeases(jobs: readonly Job<D>[], leaseMs: number): Promise<readonly boolean[]> {
    return this.#leases.renewLeases(jobs, leaseMs);
  }

  pauseQueue(queue: string, options?: PauseOptions): Promise<void> {
    return this.#workers.pauseQueue(queue, options);
  }

  resumeQueue(queue: string, options?: { readonly by?: string | undefined }): Promise<boolean> {
    return this.#workers.resumeQueue(queue, options);
  }

  pausedQueues(): Promise<readonly PausedQueue[]> {
    return this.#workers.pausedQueues();
  }

  explain(id: string): Promise<readonly Explanation[] | null> {
    return this.#workers.explain(id);
  }

  workers(): Promise<readonly LiveWorker[]> {
    return this.#workers.workers();
  }

  announceWorker(worker: AnnouncedWorker<D>, jobs: readonly Job<D>[], leaseMs: number) {
    return this.#workers.announceWorker(worker, jobs, leaseMs);
  }

  async delete(job: string | Job<D>): Promise<boolean> {
    const target = toTarget(job);
    const reply = await this.#calls.run(() => this.#storage.delete(target));
    if (reply.kind === "deleted") return true;
    if (reply.kind === "missing") return false;
    throw this.#rejection(reply, { jobId: target.id, expected: target.version });
  }

  async deleteMany(ids: readonly string[]): Promise<number> {
    const outcomes = await inChunks(checkIds(ids), (id) => this.delete(id));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value).length;
  }

  async list<S extends StatusOf<D> = StatusOf<D>>(query: ListQuery<D, S> = {}): Promise<Page<D, S>> {
    const request = this.#listRequest(checkOptions(query, LIST_OPTIONS, "list"));
    const start = query.cursor === undefined ? null : readCursor(this.definition.name, request, query.cursor);
    const page = await this.#calls.run(() => this.#storage.list({ ...request, start }));
    const items: Job<D, S>[] = [];
    const unreadableJobs: { id: string; reason: string }[] = [];
    for (const entry of page.entries) {
      if (entry.kind === "unreadable") unreadableJobs.push({ id: entry.id, reason: entry.reason });
      else {
        try {
          // The driver returns only jobs in the requested statuses.
          const job = this.#decode(entry.record) as Job<D, S>;
          if (request.where === null || this.#index.matches(request.where, job.data)) items.push(job);
        } catch (error) {
          if (!JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
          unreadableJobs.push({ id: entry.id, reason: unreadableReason(entry.id, error) });
        }
      }
    }
    return {
      items,
      unreadable: unreadableJobs,
      ...(page.next !== null && { cursor: writeCursor(this.definition.name, request, page.next) }),
    };
  }

  scan<S extends StatusOf<D> = StatusOf<D>>(
    query: Omit<ListQuery<D, S>, "cursor"> & { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Job<D, S>, void, undefined> {
    return stoppable((stop) => this.#scan(query, stop));
  }

  async *#scan<S extends StatusOf<D>>(
    query: Omit<ListQuery<D, S>, "cursor"> & { readonly signal?: AbortSignal | undefined },
    stop: AbortSignal,
  ): AsyncGenerator<Job<D, S>, void, undefined> {
    const { signal, ...rest } = checkOptions(query, SCAN_OPTIONS, "scan");
    const ends = signal === undefined ? [stop] : [stop, signal];
    let cursor: string | undefined;
    do {
      if (isAborted(ends)) return;
      const page: Page<D, S> | null = await unlessAborted(this.list({ ...rest, cursor }), ends);
      if (page === null) return;
      for (const job of page.items) {
        if (isAborted(ends)) return;
        yield job;
      }
      const [failed] = page.unreadable;
      if (failed !== undefined) throw unreadable(failed.id, failed.reason);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  counts(query: CountsQuery<D> = {}): Promise<Readonly<Record<StatusOf<D>, number>>> {
    return this.#counts.counts(query);
  }

  activity(): Promise<Activity<D>> {
    return this.#counts.activity();
  }

  watch(
    target?: string | { readonly after?: string | undefined },
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<JobEvent<D>> {
    const { signal } = checkOptions(options, WATCH_OPTIONS, "watch");
    if (typeof target === "object" && target !== null) checkKeys(target, WATCH_TARGET_KEYS, "The target of watch");
    return this.#watcher.watch(target, signal);
  }

  async waitFor(id: string, options: Parameters<JobStore<D>["waitFor"]>[1] = {}): Promise<Job<D>> {
    const until = checkOptions(options, WAIT_FOR_OPTIONS, "waitFor").until ?? this.#config.finalStatuses;
    if (!Array.isArray(until) || until.length === 0)
      return invalid("`until` must be an array with at least one status.");
    const requested = new Set(until.map((status) => checkStatus(this.definition, status)));
    return this.#watcher.waitFor(id, requested, options);
  }

  async health(options: { readonly timeoutMs?: number | undefined } = {}): Promise<Health> {
    return checkHealth(this.#driverName, this.#storage, this.#calls, options);
  }

  async audit(options: { readonly repair?: boolean | undefined } = {}): Promise<AuditReport> {
    const { repair = false } = checkOptions(options, AUDIT_OPTIONS, "audit");
    if (typeof repair !== "boolean") return invalid(`\`repair\` must be true or false (got ${show(repair)}).`);
    const indexValuesOf = indexValuesReader(this.definition, this.#validateReads);
    const report = await audit(this.#storage, this.#calls, { repair, indexValuesOf });
    const event = repairEvent(report);
    if (event !== null) this.#config.emit(event);
    return report;
  }

  close(): Promise<void> {
    return this.#calls.close(() => this.#storage.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listRequest(query: ListQuery<D>): ListRequest {
    const { status, order = "newest", after, before } = query;
    if (order !== "newest" && order !== "oldest") {
      return invalid(`\`order\` must be "newest" or "oldest" (got ${show(order)}).`);
    }
    const requested = status === undefined ? null : [...new Set(Array.isArray(status) ? status : [status])];
    return {
      statuses: requested?.map((one) => checkStatus(this.definition, one)) ?? null,
      where: checkWhere(this.definition, query.where),
      order,
      after: after === undefined ? null : checkDate(after, "after"),
      before: before === undefined ? null : checkDate(before, "before"),
      start: null,
      limit: checkInteger(query.limit ?? 50, "limit", 1, 1000),
    };
  }

  #rejection(reply: Rejection, call: Omit<Parameters<typeof rejection>[1], "maxRecordBytes">): JobStoreError {
    return rejection(reply, { ...call, maxRecordBytes: this.#config.maxRecordBytes });
  }

  #decodeOrNull(id: string, result: ReadResult): Job<D> | null {
    if (result.kind === "absent") return null;
    if (result.kind === "unreadable") throw unreadable(id, result.reason);
    return this.#decode(result.record);
  }

  #decode(record: JobRecord): Job<D> {
    return decode(this.definition, record, this.#validateReads);
  }

  /** Decodes the record that a write returned. If that fails, the change was made all the same, and the error says so. */
  #decodeWritten(record: JobRecord): Job<D> {
    try {
      return this.#decode(record);
    } catch (error) {
      if (!JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
      throw new JobStoreError("UNREADABLE_RECORD", `${error.message} The change was made.`, {
        jobId: record.id,
        committed: true,
      });
    }
  }
}
