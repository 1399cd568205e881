import type {
  AuditOptions,
  ChangeMetadata,
  CreateReply,
  DeleteReply,
  EventLog,
  FullJob,
  IndexValues,
  JobStorage,
  ListPosition,
  ListRequest,
  ListResult,
  NewJob,
  OutboxStorage,
  OutgoingMessage,
  ReadResult,
  RecordedChange,
  SaveReply,
  StatusUpdate,
  StorageHealth,
  StoreConfig,
  Target,
  UpdateProgressReply,
  UpdateStatusReply,
} from "../driver.js";
import { comparePositions } from "../position.js";
import { EMPTY_REPORT } from "../reports.js";
import { sentMessages } from "../sent-messages.js";
import type { AuditReport } from "../types.js";
import { byteLength } from "../utf8.js";
import { AWAY, type FaultInjection } from "./fault-injection.js";
import { guardedLog, guardedOutbox } from "./guards.js";
import { isLive, type JobTable, type StoredJob, toRecord } from "./job-table.js";

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
    if (existing !== undefined) return { kind: "exists", record: toRecord(existing) };
    const now = Date.now();
    const stored = this.#withExpiry({
      id: job.id,
      version: 1,
      status: job.status,
      attempt: 1,
      createdAt: now,
      updatedAt: now,
      statusAt: now,
      progress: null,
      result: null,
      error: null,
      data: job.data,
      fields: job.fields,
      history: this.#append([], { from: null, to: job.status, at: now, version: 1, ...metadataOf(job.metadata) }),
    });
    const bytes = sizeOf(stored);
    if (bytes > this.#config.maxRecordBytes) return { kind: "tooLarge", bytes };
    this.#table.makeRoom();
    this.#commit(stored, [...job.outbox, ...sentMessages(this.#config.sends, stored, job.sendHeaders)]);
    this.#addEvent("created", stored, now, null, job.metadata.by);
    return this.#faults.replyOrLose({ kind: "created", record: toRecord(stored) });
  }

  async save(job: FullJob): Promise<SaveReply> {
    this.#check();
    const existing = this.#table.find(job.id);
    if (existing !== undefined && existing.version !== job.version) {
      return { kind: "conflict", version: existing.version };
    }
    const stored = this.#withExpiry({ ...job, version: existing === undefined ? job.version : job.version + 1 });
    if (!isLive(stored)) return { kind: "expired" };
    const bytes = sizeOf(stored);
    if (bytes > this.#config.maxRecordBytes) return { kind: "tooLarge", bytes };
    if (existing === undefined) this.#table.makeRoom();
    this.#commit(stored, []);
    this.#addEvent("saved", stored, Date.now(), existing?.status ?? null);
    return this.#faults.replyOrLose({ kind: "saved", record: toRecord(stored) });
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
    const job = this.#table.find(update.target.id);
    if (job === undefined) return { kind: "missing" };
    if (!isTargeted(update.target, job)) return { kind: "conflict", version: job.version };
    if (this.#config.sources.get(update.to)?.includes(job.status) !== true) {
      return job.status === update.to
        ? { kind: "unchanged", record: toRecord(job) }
        : { kind: "illegal", from: job.status };
    }
    const now = Date.now();
    const version = job.version + 1;
    const isRetry = this.#config.finalStatuses.includes(job.status);
    const kept = isRetry ? { ...job, attempt: job.attempt + 1, progress: null, result: null, error: null } : job;
    const stored = this.#withExpiry({
      ...kept,
      version,
      status: update.to,
      updatedAt: now,
      statusAt: now,
      progress: update.progress === undefined ? kept.progress : update.progress,
      result: update.result ?? kept.result,
      error: update.error ?? kept.error,
      history: this.#append(job.history, {
        from: job.status,
        to: update.to,
        at: now,
        version,
        ...metadataOf(update.metadata),
      }),
    });
    const bytes = sizeOf(stored);
    if (bytes > this.#config.maxRecordBytes) return { kind: "tooLarge", bytes };
    const sent = job.status === update.to ? [] : sentMessages(this.#config.sends, stored, update.sendHeaders);
    this.#commit(stored, [...update.outbox, ...sent]);
    this.#addEvent("status", stored, now, job.status, update.metadata.by);
    return this.#faults.replyOrLose({ kind: "updated", record: toRecord(stored) });
  }

  async updateProgress(target: Target, progress: string): Promise<UpdateProgressReply> {
    this.#check();
    const job = this.#table.find(target.id);
    if (job === undefined) return { kind: "missing" };
    if (!isTargeted(target, job)) return { kind: "conflict", version: job.version };
    if (this.#config.finalStatuses.includes(job.status)) return { kind: "illegal", from: job.status };
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
    if (!isTargeted(target, job)) return { kind: "conflict", version: job.version };
    this.#table.delete(job.id);
    this.#table.log.add({ type: "deleted", id: job.id, at: Date.now() });
    return this.#faults.replyOrLose({ kind: "deleted" });
  }

  async list(request: ListRequest): Promise<ListResult> {
    this.#check();
    const { statuses, where, after, before, start, limit } = request;
    const direction = request.order === "newest" ? -1 : 1;
    const matching: { position: ListPosition; job: StoredJob }[] = [];
    for (const job of this.#table.live()) {
      const position = { at: statuses === null ? job.createdAt : job.statusAt, id: job.id };
      if (
        (statuses === null || statuses.includes(job.status)) &&
        (where === null || job.fields.get(where.field) === where.value) &&
        (after === null || position.at > after) &&
        (before === null || position.at < before) &&
        (start === null || comparePositions(position, start) * direction > 0)
      ) {
        matching.push({ position, job });
      }
    }
    matching.sort((a, b) => comparePositions(a.position, b.position) * direction);
    const page = matching.slice(0, limit);
    return {
      entries: page.map(({ position, job }) => ({ ...position, kind: "record", record: toRecord(job) })),
      next: matching.length > limit ? (page.at(-1)?.position ?? null) : null,
    };
  }

  async counts(): Promise<ReadonlyMap<string, number>> {
    this.#check();
    const counts = new Map(this.#config.statuses.map((status) => [status, 0]));
    for (const job of this.#table.live()) counts.set(job.status, (counts.get(job.status) ?? 0) + 1);
    return counts;
  }

  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    this.#check();
    return auditJobTable(this.#table, this.#config, options);
  }

  logOf(): number {
    return 0;
  }

  async health(): Promise<StorageHealth> {
    const { size, outbox } = this.#table;
    const common = { details: { jobs: size }, warnings: [] };
    return this.#faults.isAway
      ? {
          status: "unhealthy",
          latencyMs: null,
          ...common,
          rejected: null,
          oldestWaitMs: null,
          error: AWAY,
        }
      : {
          status: "healthy",
          latencyMs: 0,
          ...common,
          rejected: await outbox.countRejected(),
          oldestWaitMs: await outbox.oldestWait(),
        };
  }

  async close(): Promise<void> {
    this.#faults.removeListener(this.#config.emit);
  }

  #withExpiry(job: FullJob): StoredJob {
    const ttlMs = this.#config.ttlMs.get(job.status) ?? 0;
    return { ...job, expiresAt: ttlMs === 0 ? null : job.statusAt + ttlMs };
  }

  #append(history: readonly RecordedChange[], change: RecordedChange): readonly RecordedChange[] {
    const { historyLimit } = this.#config;
    return historyLimit === 0 ? [] : [...history, change].slice(-historyLimit);
  }

  #commit(job: StoredJob, outbox: readonly OutgoingMessage[]): void {
    this.#table.put(job, this.#config.finalStatuses.includes(job.status));
    this.#table.outbox.add(job.id, job.version, outbox);
  }

  #addEvent(type: "created" | "status" | "saved", job: StoredJob, at: number, from: string | null, by?: string): void {
    const { id, status: to, version } = job;
    this.#table.log.add({ type, id, at, from, to, version, ...(by !== undefined && { by }) });
    const maxCount = this.#config.maxCount.get(to);
    if (maxCount !== undefined) this.#table.trim(to, maxCount);
  }
}

/** Returns true if the job meets the conditions of the target. */
function isTargeted(target: Target, job: StoredJob): boolean {
  return (
    (target.version === undefined || target.version === job.version) &&
    (target.createdAt === undefined || target.createdAt === job.createdAt)
  );
}

/** Returns the metadata of a history entry, without undefined properties. */
function metadataOf(metadata: ChangeMetadata): { by?: string; note?: string; key?: string } {
  return {
    ...(metadata.by !== undefined && { by: metadata.by }),
    ...(metadata.note !== undefined && { note: metadata.note }),
    ...(metadata.key !== undefined && { key: metadata.key }),
  };
}

function sizeOf(job: StoredJob): number {
  return byteLength(JSON.stringify(job));
}

/** Number of jobs that an audit compares in one step. */
const AUDIT_STEP = 500;

/**
 * Compares the index values of jobs with their data. The other indexes are computed from the jobs, so they cannot differ, but a field
 * can have been declared after a job was stored.
 */
async function* auditJobTable(
  table: JobTable,
  config: StoreConfig,
  { repair, indexValuesOf: fieldsOf }: AuditOptions,
): AsyncGenerator<AuditReport, void, undefined> {
  let found = { ...EMPTY_REPORT };
  for (const job of table.live()) {
    found.jobs++;
    const computed = fieldsOf(toRecord(job));
    if (computed === null) found.unreadable++;
    else if (config.fields.some((field) => job.fields.get(field) !== computed.get(field))) {
      found.missingFromIndex++;
      if (repair) {
        table.update(job, { ...job, fields: mergeFields(job, computed, config) });
        found.repaired++;
      }
    }
    if (found.jobs < AUDIT_STEP) continue;
    yield found;
    found = { ...EMPTY_REPORT };
    // Browsers have no setImmediate.
    await new Promise((resolve) => setTimeout(resolve));
  }
  yield found;
}

/** Returns the computed values, and the stored values of fields that only other services declare. */
function mergeFields({ fields }: StoredJob, computed: IndexValues, config: StoreConfig): IndexValues {
  const others = [...fields].filter(([field]) => !config.fields.includes(field));
  return new Map([...others, ...computed]);
}
