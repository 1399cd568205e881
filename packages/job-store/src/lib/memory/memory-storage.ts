import type {
  AuditOptions,
  ClaimReply,
  ClaimRequest,
  CreateReply,
  DeleteReply,
  EventLog,
  Examination,
  FailRequest,
  FailRequestReply,
  FullJob,
  IndexValues,
  JobRequest,
  JobStorage,
  ListRequest,
  ListResult,
  NewJob,
  OutboxStorage,
  OutgoingMessage,
  PauseRequest,
  QueuePause,
  ReadResult,
  RequestReply,
  SaveReply,
  StatusUpdate,
  StorageHealth,
  StoreConfig,
  StoredActivity,
  Target,
  UpdateProgressReply,
  UpdateStatusReply,
  WorkerRecord,
} from "../driver.js";
import { canHaveLease, MAX_EXCESS_BYTES, sentMessages } from "../driver-rules.js";
import type { AuditReport } from "../types.js";
import { changedJob, keysAfter, newJob, sizeOf, withExpiry } from "./changed-job.js";
import type { FaultInjection } from "./fault-injection.js";
import { guardedLog, guardedOutbox } from "./guards.js";
import { isLive, type JobTable } from "./job-table.js";
import { activityOf } from "./memory-activity.js";
import { auditJobTable } from "./memory-audit.js";
import { checkHealth } from "./memory-health.js";
import { countJobs, examineJob, listJobs } from "./memory-reads.js";
import type { StoredJob } from "./stored-job.js";
import {
  covers,
  hasNewerRequest,
  type LimitedKey,
  originFor,
  refusal,
  remember,
  see,
  type WorkState,
  waitingVersion,
} from "./work-state.js";

/** Storage of one store in the table of its driver. A write is atomic because it runs without interruption in one event-loop tick. */
export class MemoryStorage implements JobStorage {
  readonly outbox: OutboxStorage;
  readonly logs: readonly EventLog[];
  readonly #config: StoreConfig;
  readonly #table: JobTable;
  readonly #faults: FaultInjection;
  readonly #check: () => void;

  constructor(config: StoreConfig, table: JobTable, faults: FaultInjection, checkDefinition: () => void) {
    this.#config = config;
    this.#table = table;
    this.#faults = faults;
    this.#check = () => {
      faults.checkAvailable();
      checkDefinition();
    };
    this.outbox = guardedOutbox(table.outbox, this.#check);
    this.logs = [guardedLog(table.log, this.#check)];
    faults.addListener(config.emit);
  }

  async create(job: NewJob): Promise<CreateReply> {
    this.#check();
    const existing = this.#table.find(job.id);
    if (existing !== undefined) return { kind: "exists", record: this.#table.toRecord(existing) };
    return this.#create(job);
  }

  async request(request: JobRequest): Promise<RequestReply> {
    this.#check();
    const { id, retryFrom, status, metadata, outbox, sendHeaders } = request;
    const existing = this.#table.find(id);
    if (existing === undefined) return this.#create(request);
    if (!retryFrom.includes(existing.status)) return { kind: "exists", record: this.#table.toRecord(existing) };
    const reply = await this.updateStatus({ target: { id }, to: status, metadata, outbox, sendHeaders });
    if (reply.kind === "updated") return { kind: "retried", record: reply.record };
    if (reply.kind === "tooLarge") return reply;
    throw new Error(`A job that is retried cannot have the reply "${reply.kind}".`);
  }

  /** Creates a job whose id is not in use. */
  #create(job: NewJob): Extract<CreateReply, { readonly kind: "created" | "tooLarge" }> {
    const stored = newJob(this.#config, job, this.#table.creationTime(job.id));
    const bytes = sizeOf(stored);
    if (bytes > this.#config.maxRecordBytes) return { kind: "tooLarge", bytes };
    this.#table.makeRoom();
    this.#put(stored);
    // No message of a job is older than these, so the work state does not need them.
    this.#table.outbox.add(stored, [...job.outbox, ...sentMessages(this.#config.sends, stored, job.sendHeaders)]);
    this.#addEvent("created", stored, stored.createdAt, null, job.metadata.by);
    return this.#faults.replyOrLose({ kind: "created" as const, record: this.#table.toRecord(stored) });
  }

  async save(job: FullJob): Promise<SaveReply> {
    this.#check();
    const existing = this.#table.find(job.id);
    if (existing !== undefined && existing.version !== job.version) {
      return { kind: "conflict", version: existing.version };
    }
    const stored = withExpiry(this.#config, {
      ...job,
      version: existing === undefined ? job.version : job.version + 1,
      keys: keysAfter(existing?.keys ?? [], undefined),
    });
    if (!isLive(stored)) return { kind: "expired" };
    const bytes = sizeOf(stored);
    if (bytes > this.#config.maxRecordBytes) return { kind: "tooLarge", bytes };
    if (existing === undefined) this.#table.makeRoom();
    this.#put(stored);
    if (existing !== undefined) this.#saveWork(existing, stored);
    this.#addEvent("saved", stored, Date.now(), existing?.status ?? null);
    return this.#faults.replyOrLose({ kind: "saved", record: this.#table.toRecord(stored) });
  }

  async read(ids: readonly string[]): Promise<readonly ReadResult[]> {
    this.#check();
    return ids.map((id) => this.#table.read(id));
  }

  async readIndexValues(ids: readonly string[]): Promise<readonly IndexValues[]> {
    this.#check();
    return ids.map((id) => this.#table.find(id)?.fields ?? new Map());
  }

  async updateStatus(update: StatusUpdate): Promise<UpdateStatusReply> {
    this.#check();
    const { work } = this.#table;
    const job = this.#table.find(update.target.id);
    if (job === undefined) return { kind: "missing" };
    const { key } = update.metadata;
    if (key !== undefined && job.keys.includes(key)) return { kind: "unchanged", record: this.#table.toRecord(job) };
    if (!this.#isTargeted(update.target, job)) return { kind: "conflict", version: job.version };
    if (this.#config.sources.get(update.to)?.includes(job.status) !== true) {
      return job.status === update.to
        ? { kind: "unchanged", record: this.#table.toRecord(job) }
        : { kind: "illegal", from: job.status };
    }
    if (update.leaseMs !== undefined && (job.status !== update.to || (work.peek(job)?.stored ?? null) === null)) {
      return { kind: "noMessage" };
    }
    const stored = changedJob(this.#config, job, update);
    const bytes = sizeOf(stored);
    const storesContent = (update.progress ?? update.result ?? null) !== null;
    const excess = storesContent ? 0 : MAX_EXCESS_BYTES;
    if (bytes > this.#config.maxRecordBytes + excess) return { kind: "tooLarge", bytes };
    this.#put(stored);
    this.#changeWork(stored, job.status, update);
    const sent = job.status === update.to ? [] : sentMessages(this.#config.sends, stored, update.sendHeaders);
    this.#addMessages(stored, [...update.outbox, ...sent]);
    this.#addEvent("status", stored, stored.statusAt, job.status, update.metadata.by);
    return this.#faults.replyOrLose(
      update.withoutRecord === true ? { kind: "stored" } : { kind: "updated", record: this.#table.toRecord(stored) },
    );
  }

  async claim(request: ClaimRequest): Promise<ClaimReply> {
    this.#check();
    this.#table.work.clock.contact();
    return this.#table.places.together(() => this.#claim(request));
  }

  #claim(request: ClaimRequest): ClaimReply {
    const { work, outbox, pauses, places } = this.#table;
    const { to, message, limit } = request;
    const job = this.#table.find(request.id);
    if (job === undefined) return { kind: "missing" };
    const state = work.of(job);
    if (state.claim?.key === request.key && state.claim.version === job.version) {
      work.giveLease(job.id, state, request.leaseMs);
      return this.#claimed(job, state.claim);
    }
    work.settle(job, state);
    const refused = this.#refusal(job, state, request);
    if (refused !== null) {
      const { kind, remembered } = refused;
      const answered = places.answer(job.id, message.queue, false);
      return this.#faults.replyOrLose({ kind }, answered || remembered);
    }
    const pause = pauses.of(message.queue);
    if (pause !== undefined) return { kind: "paused", until: pause.until, reason: pause.reason };
    const key = limitedKey(job, limit);
    if (key !== null && limit !== undefined) {
      work.endDue();
      if (!places.hasPlace(key, job.id, message.queue, limit.max)) {
        const version = waitingVersion(job, state, message);
        see(state, message, version);
        places.wait(job.id, key, message, { ...job, version });
        return this.#faults.replyOrLose({ kind: "limited" });
      }
    }
    if (state.stored !== null && state.stored.queue !== message.queue) outbox.append(job, state.stored);
    if (job.status !== to) state.failedAttempts = 0;
    const claimed = changedJob(this.#config, job, { to, metadata: request.metadata });
    this.#put(claimed);
    work.claim(claimed, state, request, key);
    places.answer(job.id, message.queue, true);
    if (job.status !== to) this.#addMessages(claimed, sentMessages(this.#config.sends, claimed, request.sendHeaders));
    this.#addEvent("status", claimed, claimed.statusAt, job.status, request.metadata.by);
    return this.#claimed(claimed, state);
  }

  /** Returns why the claim cannot be made, whether or not the queue is paused and a place is free. null: it can. */
  #refusal(job: StoredJob, state: WorkState, { to, from, message, ifVersion }: ClaimRequest) {
    const origin = originFor(state, message);
    const refused = refusal(job, state, message.queue, { origin, statuses: [to, ...from] });
    if (refused !== null) return { kind: refused, remembered: false } as const;
    if (state.lease !== null) {
      const remembered = !covers(state, message, origin);
      if (remembered) remember(state, message, job.version);
      return { kind: "leased", remembered } as const;
    }
    return ifVersion !== undefined && ifVersion !== job.version
      ? ({ kind: "changed", remembered: false } as const)
      : null;
  }

  async failRequest(request: FailRequest): Promise<FailRequestReply> {
    this.#check();
    const { work } = this.#table;
    const { id, to, from, working, message, error, metadata } = request;
    const job = this.#table.find(id);
    if (job === undefined) return { kind: "missing" };
    const { origin, queue } = message;
    if (origin === null) return { kind: "outdated" };
    const state = work.of(job);
    work.settle(job, state);
    const refused = refusal(job, state, queue, { origin, statuses: [working, ...from] });
    if (refused === "outdated" || refused === "handled") return { kind: refused };
    if (!this.#isFinal(job.status) && hasNewerRequest(state, queue, origin)) return { kind: "handled" };
    if (refused !== null) return { kind: refused };
    if (state.lease !== null) return { kind: "leased" };
    const { by } = metadata;
    const worked = changedJob(this.#config, job, { to: working, metadata: { by } });
    const failed = changedJob(this.#config, worked, { to, error, metadata });
    this.#put(failed);
    this.#changeWork(failed, working, {});
    this.#addMessages(failed, sentMessages(this.#config.sends, failed, request.sendHeaders));
    this.#addEvent("status", worked, worked.statusAt, job.status, by);
    this.#addEvent("status", failed, failed.statusAt, working, by);
    return this.#faults.replyOrLose({ kind: "failed", record: this.#table.toRecord(failed) });
  }

  async renewLeases(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]> {
    this.#check();
    const { work } = this.#table;
    work.clock.contact();
    const changed = targets.map((target) => {
      const job = this.#table.find(target.id);
      return job !== undefined && this.#isTargeted(target, job) && work.renew(job, leaseMs);
    });
    return this.#faults.replyOrLose(changed, changed.includes(true));
  }

  async examine(id: string): Promise<Examination> {
    this.#check();
    return examineJob(this.#table, id);
  }

  async pauseQueue(request: PauseRequest): Promise<void> {
    this.#check();
    this.#table.pauses.pause(request);
    this.#faults.replyOrLose(undefined);
  }

  async resumeQueue(queue: string): Promise<boolean> {
    this.#check();
    const resumed = this.#table.pauses.resume(queue);
    return this.#faults.replyOrLose(resumed, resumed);
  }

  async pauses(): Promise<readonly QueuePause[]> {
    this.#check();
    return this.#table.pauses.all();
  }

  async announceWorker(worker: WorkerRecord, targets: readonly Target[], leaseMs: number) {
    this.#check();
    const { workers, pauses } = this.#table;
    workers.announce(worker, targets, leaseMs);
    return { renewed: await this.renewLeases(targets, leaseMs), pause: pauses.of(worker.queue) ?? null };
  }

  async workers(withRunning: boolean) {
    this.#check();
    const { live, consumers } = this.#table.workers;
    return { live: withRunning ? live : live.map((worker) => ({ ...worker, running: [] })), consumers };
  }

  async findOverdue(owner: string): ReturnType<JobStorage["findOverdue"]> {
    this.#check();
    return this.#table.timeouts.findOverdue(this.#config.timeouts, owner);
  }

  async updateProgress(target: Target, progress: string): Promise<UpdateProgressReply> {
    this.#check();
    const job = this.#table.find(target.id);
    if (job === undefined) return { kind: "missing" };
    if (!this.#isTargeted(target, job)) return { kind: "conflict", version: job.version };
    if (this.#isFinal(job.status)) return { kind: "illegal", from: job.status };
    const stored = { ...job, progress, updatedAt: Date.now() };
    const bytes = sizeOf(stored);
    if (bytes > this.#config.maxRecordBytes) return { kind: "tooLarge", bytes };
    this.#table.put(stored, false);
    const { id, version, updatedAt: at } = stored;
    this.#table.log.add({ type: "progress", id, at, version, progress: JSON.parse(progress) });
    return this.#faults.replyOrLose({ kind: "recorded" });
  }

  async delete(target: Target): Promise<DeleteReply> {
    this.#check();
    const job = this.#table.find(target.id);
    if (job === undefined) return { kind: "missing" };
    if (!this.#isTargeted(target, job)) return { kind: "conflict", version: job.version };
    this.#table.delete(job.id);
    this.#table.log.add({ type: "deleted", id: job.id, at: Date.now() });
    return this.#faults.replyOrLose({ kind: "deleted" });
  }

  async list(request: ListRequest): Promise<ListResult> {
    this.#check();
    return listJobs(this.#table, request);
  }

  async counts(where: ListRequest["where"]): Promise<ReadonlyMap<string, number>> {
    this.#check();
    return countJobs(this.#table, this.#config, where);
  }

  async activity(lateMs: number): Promise<StoredActivity> {
    this.#check();
    return activityOf(this.#table, this.#config, lateMs);
  }

  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    this.#check();
    return auditJobTable(this.#table, this.#config, options);
  }

  logOf(): number {
    return 0;
  }

  async health(): Promise<StorageHealth> {
    return checkHealth(this.#table, this.#config, this.#faults);
  }

  async close(): Promise<void> {
    this.#faults.removeListener(this.#config.emit);
  }

  #claimed(job: StoredJob, { failedAttempts, expiredLeases }: ClaimCounts): ClaimReply {
    return this.#faults.replyOrLose({
      kind: "claimed",
      record: this.#table.toRecord(job),
      failedAttempts,
      expiredLeases,
    });
  }

  #isFinal(status: string): boolean {
    return this.#config.finalStatuses.includes(status);
  }

  /** Returns true if the job meets the conditions of the target. */
  #isTargeted(target: Target, job: StoredJob): boolean {
    return (
      (target.version === undefined || target.version === job.version) &&
      (target.createdAt === undefined || target.createdAt === job.createdAt) &&
      (target.status === undefined || target.status === job.status) &&
      (target.idleSince === undefined ||
        (target.idleSince === job.updatedAt && this.#table.work.leasedUntil(job) === null))
    );
  }

  #put(job: StoredJob): void {
    this.#table.put(job, this.#isFinal(job.status));
  }

  /** Ends or replaces the lease after a status change, and sends the remembered messages that it made due. */
  #changeWork(job: StoredJob, from: string, update: Parameters<JobTable["work"]["change"]>[1]): void {
    const { work, outbox } = this.#table;
    const messages = work.change(job, update, { from, isFinal: this.#isFinal(job.status) });
    for (const message of messages) outbox.append(job, message);
  }

  /** Ends a worker's lease after a save, and sends the messages that it made due. */
  #saveWork(before: StoredJob, job: StoredJob): void {
    const { work, outbox } = this.#table;
    const rules = { isFinal: this.#isFinal(job.status), canHaveLease: canHaveLease(this.#config, job.status) };
    for (const message of work.save(before, job, rules)) outbox.append(job, message);
  }

  #addMessages(job: StoredJob, messages: readonly OutgoingMessage[]): void {
    this.#table.work.addMessages(job, messages);
    this.#table.outbox.add(job, messages);
  }

  #addEvent(type: "created" | "status" | "saved", job: StoredJob, at: number, from: string | null, by?: string): void {
    const { id, status: to, version } = job;
    this.#table.log.add({ type, id, at, from, to, version, ...(by !== undefined && { by }) });
    const maxCount = this.#config.maxCount.get(to);
    if (maxCount !== undefined) this.#table.trim(to, maxCount);
  }
}

/** Returns the key of the job for a limit. null: the claim has no limit, or the job has no value in the field. */
function limitedKey({ fields }: StoredJob, limit: ClaimRequest["limit"]): LimitedKey | null {
  const value = limit === undefined ? undefined : fields.get(limit.field);
  return limit === undefined || value === undefined ? null : { field: limit.field, value };
}

type ClaimCounts = Pick<Extract<ClaimReply, { readonly kind: "claimed" }>, "failedAttempts" | "expiredLeases">;
