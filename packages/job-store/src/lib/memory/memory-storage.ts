import type {
  AuditOptions,
  EventLog,
  Fields,
  InsertReply,
  JobStorage,
  Listing,
  Move,
  MoveReply,
  NewJob,
  OutboxStorage,
  OutgoingMessage,
  Position,
  ProgressReply,
  Range,
  Reading,
  RecordedChange,
  Remark,
  RemoveReply,
  ReplaceReply,
  StorageHealth,
  StoreShape,
  Target,
  WholeJob,
} from "../driver.js";
import { comparePositions } from "../position.js";
import type { AuditReport } from "../types.js";
import { byteLength } from "../utf8.js";
import { auditJobTable } from "./audit-shelf.js";
import { guardedLog, guardedOutbox } from "./checked.js";
import { AWAY, type FaultInjection } from "./fault-injection.js";
import { isLive, type JobTable, type StoredJob, toRecord } from "./job-table.js";

/** One store's view of the shelf. Every method runs to its end in one turn: that is what makes it atomic. */
export class MemoryStorage implements JobStorage {
  readonly outbox: OutboxStorage;
  readonly logs: readonly EventLog[];
  readonly #shape: StoreShape;
  readonly #shelf: JobTable;
  readonly #faults: FaultInjection;
  readonly #claim: () => void;

  constructor(shape: StoreShape, shelf: JobTable, faults: FaultInjection, claim: () => void) {
    this.#shape = shape;
    this.#shelf = shelf;
    this.#faults = faults;
    this.#claim = () => {
      faults.checkAvailable();
      claim();
    };
    this.outbox = guardedOutbox(shelf.outbox, this.#claim);
    this.logs = [guardedLog(shelf.log, this.#claim)];
    faults.addListener(shape.emit);
  }

  async insert(job: NewJob): Promise<InsertReply> {
    this.#claim();
    const existing = this.#shelf.find(job.id);
    if (existing !== undefined) return { kind: "exists", record: toRecord(existing) };
    const now = Date.now();
    const stored = this.#stored({
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
      history: this.#append([], { from: null, to: job.status, at: now, version: 1, ...said(job.remark) }),
    });
    const bytes = sizeOf(stored);
    if (bytes > this.#shape.maxRecordBytes) return { kind: "tooLarge", bytes };
    this.#shelf.makeRoom();
    this.#commit(stored, job.outbox);
    this.#announce("created", stored, now, null, job.remark.by);
    return this.#faults.replyOrLose({ kind: "created", record: toRecord(stored) });
  }

  async replace(job: WholeJob): Promise<ReplaceReply> {
    this.#claim();
    const existing = this.#shelf.find(job.id);
    if (existing !== undefined && existing.version !== job.version) {
      return { kind: "conflict", version: existing.version };
    }
    const stored = this.#stored({ ...job, version: existing === undefined ? job.version : job.version + 1 });
    if (!isLive(stored)) return { kind: "over" };
    const bytes = sizeOf(stored);
    if (bytes > this.#shape.maxRecordBytes) return { kind: "tooLarge", bytes };
    if (existing === undefined) this.#shelf.makeRoom();
    this.#commit(stored, []);
    this.#announce("saved", stored, Date.now(), existing?.status ?? null);
    return this.#faults.replyOrLose({ kind: "saved", record: toRecord(stored) });
  }

  async read(ids: readonly string[]): Promise<readonly Reading[]> {
    this.#claim();
    return ids.map((id) => this.#shelf.read(id));
  }

  async readIndexValues(ids: readonly string[]): Promise<readonly Fields[]> {
    this.#claim();
    return ids.map((id) => this.#shelf.find(id)?.fields ?? new Map());
  }

  async move(move: Move): Promise<MoveReply> {
    this.#claim();
    const job = this.#shelf.find(move.target.id);
    if (job === undefined) return { kind: "missing" };
    if (!isAimedAt(move.target, job)) return { kind: "conflict", version: job.version };
    if (this.#shape.sources.get(move.to)?.includes(job.status) !== true) {
      return job.status === move.to
        ? { kind: "unchanged", record: toRecord(job) }
        : { kind: "illegal", from: job.status };
    }
    const now = Date.now();
    const version = job.version + 1;
    const retried = this.#shape.finalStatuses.includes(job.status);
    const kept = retried ? { ...job, attempt: job.attempt + 1, progress: null, result: null, error: null } : job;
    const stored = this.#stored({
      ...kept,
      version,
      status: move.to,
      updatedAt: now,
      statusAt: now,
      progress: move.progress === undefined ? kept.progress : move.progress,
      result: move.result ?? kept.result,
      error: move.error ?? kept.error,
      history: this.#append(job.history, { from: job.status, to: move.to, at: now, version, ...said(move.remark) }),
    });
    const bytes = sizeOf(stored);
    if (bytes > this.#shape.maxRecordBytes) return { kind: "tooLarge", bytes };
    this.#commit(stored, move.outbox);
    this.#announce("status", stored, now, job.status, move.remark.by);
    return this.#faults.replyOrLose({ kind: "moved", record: toRecord(stored) });
  }

  async recordProgress(target: Target, progress: string): Promise<ProgressReply> {
    this.#claim();
    const job = this.#shelf.find(target.id);
    if (job === undefined) return { kind: "missing" };
    if (!isAimedAt(target, job)) return { kind: "conflict", version: job.version };
    if (this.#shape.finalStatuses.includes(job.status)) return { kind: "illegal", from: job.status };
    const stored = { ...job, progress, updatedAt: Date.now() };
    const bytes = sizeOf(stored);
    if (bytes > this.#shape.maxRecordBytes) return { kind: "tooLarge", bytes };
    this.#shelf.put(stored, false);
    const { id, version, updatedAt: at } = stored;
    this.#shelf.log.add({ type: "progress", id, at, version, progress: JSON.parse(progress) });
    return this.#faults.replyOrLose({ kind: "recorded" });
  }

  async remove(target: Target): Promise<RemoveReply> {
    this.#claim();
    const job = this.#shelf.find(target.id);
    if (job === undefined) return { kind: "missing" };
    if (!isAimedAt(target, job)) return { kind: "conflict", version: job.version };
    this.#shelf.drop(job.id);
    this.#shelf.log.add({ type: "deleted", id: job.id, at: Date.now() });
    return this.#faults.replyOrLose({ kind: "removed" });
  }

  async list(range: Range): Promise<Listing> {
    this.#claim();
    const { statuses, where, after, before, start, limit } = range;
    const direction = range.order === "newest" ? -1 : 1;
    const placed: { place: Position; job: StoredJob }[] = [];
    for (const job of this.#shelf.live()) {
      const place = { at: statuses === null ? job.createdAt : job.statusAt, id: job.id };
      if (
        (statuses === null || statuses.includes(job.status)) &&
        (where === null || job.fields.get(where.field) === where.value) &&
        (after === null || place.at > after) &&
        (before === null || place.at < before) &&
        (start === null || comparePositions(place, start) * direction > 0)
      ) {
        placed.push({ place, job });
      }
    }
    placed.sort((a, b) => comparePositions(a.place, b.place) * direction);
    const page = placed.slice(0, limit);
    return {
      entries: page.map(({ place, job }) => ({ ...place, kind: "record", record: toRecord(job) })),
      next: placed.length > limit ? (page.at(-1)?.place ?? null) : null,
    };
  }

  async counts(): Promise<ReadonlyMap<string, number>> {
    this.#claim();
    const counts = new Map(this.#shape.statuses.map((status) => [status, 0]));
    for (const job of this.#shelf.live()) counts.set(job.status, (counts.get(job.status) ?? 0) + 1);
    return counts;
  }

  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    this.#claim();
    return auditJobTable(this.#shelf, this.#shape, options);
  }

  logOf(): number {
    return 0;
  }

  async health(): Promise<StorageHealth> {
    const { size, outbox } = this.#shelf;
    const about = { details: { jobs: size }, warnings: [] };
    return this.#faults.isAway
      ? {
          status: "unhealthy",
          latencyMs: null,
          ...about,
          rejected: null,
          oldestWaitMs: null,
          error: AWAY,
        }
      : {
          status: "healthy",
          latencyMs: 0,
          ...about,
          rejected: await outbox.countRejected(),
          oldestWaitMs: await outbox.oldestWait(),
        };
  }

  async close(): Promise<void> {
    this.#faults.removeListener(this.#shape.emit);
  }

  #stored(job: WholeJob): StoredJob {
    const ttlMs = this.#shape.ttlMs.get(job.status) ?? 0;
    return { ...job, expiresAt: ttlMs === 0 ? null : job.statusAt + ttlMs };
  }

  #append(history: readonly RecordedChange[], change: RecordedChange): readonly RecordedChange[] {
    const { historyLimit } = this.#shape;
    return historyLimit === 0 ? [] : [...history, change].slice(-historyLimit);
  }

  #commit(job: StoredJob, outbox: readonly OutgoingMessage[]): void {
    this.#shelf.put(job, this.#shape.finalStatuses.includes(job.status));
    this.#shelf.outbox.add(job.id, job.version, outbox);
  }

  #announce(type: "created" | "status" | "saved", job: StoredJob, at: number, from: string | null, by?: string): void {
    const { id, status: to, version } = job;
    this.#shelf.log.add({ type, id, at, from, to, version, ...(by !== undefined && { by }) });
    const most = this.#shape.maxCount.get(to);
    if (most !== undefined) this.#shelf.trim(to, most);
  }
}

function isAimedAt(target: Target, job: StoredJob): boolean {
  return (
    (target.version === undefined || target.version === job.version) &&
    (target.createdAt === undefined || target.createdAt === job.createdAt)
  );
}

function said(remark: Remark): { by?: string; note?: string; key?: string } {
  return {
    ...(remark.by !== undefined && { by: remark.by }),
    ...(remark.note !== undefined && { note: remark.note }),
    ...(remark.key !== undefined && { key: remark.key }),
  };
}

function sizeOf(job: StoredJob): number {
  return byteLength(JSON.stringify(job));
}
