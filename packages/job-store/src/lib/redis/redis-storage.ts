import type {
  AuditOptions,
  Conflict,
  Illegal,
  InsertReply,
  JobRecord,
  JobStorage,
  Listing,
  Missing,
  Move,
  MoveReply,
  NewJob,
  OutgoingMessage,
  ProgressReply,
  Range,
  Reading,
  RemoveReply,
  ReplaceReply,
  StoreShape,
  Target,
  TooLarge,
  Unreadable,
  WholeJob,
} from "../driver.js";
import type { AuditReport } from "../store.js";
import { RedisAudit } from "./audit.js";
import type { Code, CodeMap } from "./code-map.js";
import { unavailable, WrongType } from "./faults.js";
import { checkHealth } from "./health.js";
import { indexKeys } from "./keys.js";
import type { Budget } from "./line.js";
import { countJobs, listJobs } from "./listing.js";
import { newOperationId } from "./operation-id.js";
import { fieldLines, line, readRecord, remarkText, statusLines, wholeArgs } from "./record-text.js";
import type { RedisLog } from "./redis-log.js";
import type { RedisOutbox } from "./redis-outbox.js";
import { type Script, scripts } from "./scripts.js";
import type { Reply, Server } from "./server.js";
import { SurplusTrimmer } from "./surplus-trimmer.js";
import { Trimmer } from "./trimmer.js";

/** A longer MGET would keep other callers waiting. */
const READ_CHUNK = 512;

type Refused = Missing | Conflict | Illegal | TooLarge | Unreadable;

/** Jobs in Redis: each mutation is one script, and its reply becomes the driver's union here. */
export class RedisStorage implements JobStorage {
  readonly outbox: RedisOutbox;
  readonly logs: readonly RedisLog[];
  readonly #eventLogLength: number;
  readonly #server: Server;
  readonly #shape: StoreShape;
  readonly #finals: string;
  readonly #trimmer: Trimmer;
  readonly #surplus: SurplusTrimmer;

  constructor(
    server: Server,
    shape: StoreShape,
    parts: {
      readonly outbox: RedisOutbox;
      readonly log: RedisLog;
      readonly eventLogLength: number;
    },
  ) {
    this.#server = server;
    this.#shape = shape;
    this.#finals = statusLines(shape.finalStatuses);
    this.#trimmer = new Trimmer(server);
    this.#surplus = new SurplusTrimmer(server, shape.maxCount, parts.eventLogLength);
    this.outbox = parts.outbox;
    this.logs = [parts.log];
    this.#eventLogLength = parts.eventLogLength;
  }

  async insert(job: NewJob): Promise<InsertReply> {
    const { historyLimit, maxRecordBytes } = this.#shape;
    const { reply, code } = await this.mutate(scripts.create, job.id, job.status, (entered) => [
      ...entered,
      line("data", job.data),
      remarkText(job.remark),
      historyLimit,
      maxRecordBytes,
      fieldLines(job.fields),
      ...flat(job.outbox),
    ]);
    if (reply[0] === "created") {
      return { kind: "created", record: newRecord(job, Number(reply[1]), code.ttlMs, historyLimit) };
    }
    if (reply[0] !== "exists") return refused(reply) as TooLarge | Unreadable;
    const reading = readRecord(job.id, String(reply[1]));
    return "kind" in reading ? reading : { kind: "exists", record: reading };
  }

  async replace(job: WholeJob): Promise<ReplaceReply> {
    const { reply, budget } = await this.mutate(scripts.save, job.id, job.status, (entered) => [
      ...entered,
      ...wholeArgs(job),
      this.#shape.maxRecordBytes,
    ]);
    if (reply[0] === "over") return { kind: "over" };
    const record = answer(job.id, reply, "saved", budget);
    if (record === null) return refused(reply) as Conflict | TooLarge | Unreadable;
    return "kind" in record ? record : { kind: "saved", record };
  }

  async move(move: Move): Promise<MoveReply> {
    const { id } = move.target;
    const { reply, budget } = await this.mutate(scripts.move, id, move.to, (entered) => [
      ...entered,
      ...expectations(move.target),
      statusLines(move.from),
      this.#finals,
      move.progress === undefined ? KEEP : line("progress", move.progress),
      move.result === undefined ? KEEP : line("result", move.result),
      move.error === undefined ? KEEP : line("error", move.error),
      remarkText(move.remark),
      this.#shape.historyLimit,
      this.#shape.maxRecordBytes,
      ...flat(move.outbox),
    ]);
    const kind = reply[0] === "unchanged" ? "unchanged" : "moved";
    const record = answer(id, reply, kind, budget);
    if (record === null) return refused(reply, budget);
    return "kind" in record ? record : { kind, record };
  }

  async recordProgress(target: Target, progress: string): Promise<ProgressReply> {
    const { maxRecordBytes } = this.#shape;
    const args = [target.id, ...expectations(target), this.#finals, line("progress", progress), maxRecordBytes];
    const { reply, budget } = await this.mutate(scripts.progress, target.id, null, () => args);
    return reply[0] === "recorded" ? { kind: "recorded" } : refused(reply, budget);
  }

  async remove(target: Target): Promise<RemoveReply> {
    const args = [target.id, ...expectations(target)];
    const { reply } = await this.mutate(scripts.remove, target.id, null, () => args);
    // "removed": by this call's first attempt, whose reply was lost.
    return reply[0] === "done" || reply[0] === "removed"
      ? { kind: "removed" }
      : (refused(reply) as Missing | Conflict | Unreadable);
  }

  async read(ids: readonly string[]): Promise<readonly Reading[]> {
    let budget = this.#server.connection.budget();
    await this.#server.map(budget);
    const readings: Reading[] = [];
    for (let first = 0; first < ids.length; first += READ_CHUNK) {
      if (first > 0) budget = this.#server.connection.budget();
      readings.push(...(await this.#server.readJobs(ids.slice(first, first + READ_CHUNK), budget)));
    }
    return readings;
  }

  list(range: Range): Promise<Listing> {
    return listJobs(this.#server, range, () => this.#trimmer.trim());
  }

  counts(): Promise<ReadonlyMap<string, number>> {
    return countJobs(this.#server);
  }

  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    return new RedisAudit(this.#server, this.#shape, options).steps();
  }

  logOf(): number {
    return 0;
  }

  health(timeoutMs: number) {
    return checkHealth(this.#server.connection, this.#server.keys, timeoutMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.#trimmer.close(), this.#surplus.close()]);
    this.outbox.close();
    for (const log of this.logs) log.close();
  }

  /** Runs a mutation of one job; where it enters a status, with the code and TTL that this store gives it. */
  async mutate(
    script: Script,
    id: string,
    status: string | null,
    argsOf: (entered: readonly (string | number)[]) => readonly (string | number)[],
  ): Promise<{ reply: Reply; code: Code; budget: Budget }> {
    const { keys, connection } = this.#server;
    const budget = connection.budget();
    const operation = newOperationId();
    const touched = [...indexKeys(keys), keys.events, keys.outbox, keys.job(id), keys.removals];
    let code = NO_CODE;
    const run = async (map: CodeMap): Promise<Reply> => {
      if (status !== null) code = map.own.get(status) ?? NO_CODE;
      const args = argsOf([id, JSON.stringify(status), code.code, code.ttlMs]);
      try {
        return await this.#server.mutate(
          script,
          touched,
          (deadline) => [map.edition, deadline, operation, this.#eventLogLength, ...args],
          budget,
        );
      } catch (error) {
        if (!(error instanceof WrongType)) throw error;
        return ["unreadable"];
      }
    };
    if (status !== null) this.#surplus.entering(status);
    const { reply } = await this.#server.withMap(run, budget).finally(() => {
      if (status !== null) this.#surplus.entered(status);
    });
    this.#trimmer.trimSoon();
    return { reply, code, budget };
  }
}

/** Keeps what is stored of a part. */
const KEEP = "=";

/** For mutations that enter no status. */
const NO_CODE: Code = { code: -1, status: "", ttlMs: 0 };

/**
 * The record that a reply carries, or null where it carries none. "answered" tells a retry that the operation was
 * carried out before; what it answered then can be told again only while the job has not moved on.
 * @throws JobStoreError UNAVAILABLE (indeterminate)
 */
function answer(id: string, reply: Reply, kind: string, budget: Budget): JobRecord | Unreadable | null {
  if (reply[0] === kind) return readRecord(id, String(reply[1]));
  if (reply[0] !== "answered") return null;
  const record = readRecord(id, String(reply[2]));
  if ("kind" in record || record.version === Number(reply[1])) return record;
  budget.doubtful = true;
  throw unavailable(`The reply to this call was lost, and job ${id} has moved on since.`, true);
}

/** @throws JobStoreError UNAVAILABLE where an earlier attempt may have succeeded before the job was removed by another */
function refused(reply: Reply, budget?: Budget): Refused {
  const [kind, detail] = reply;
  switch (kind) {
    case "removed":
      throw unavailable("The reply to this call was lost, and the job has been removed since.", true);
    case "missing":
      if (budget?.doubtful === true)
        throw unavailable("The reply to this call was lost, and the job is gone since.", true);
      return { kind };
    case "conflict":
      return { kind, version: Number(detail) };
    case "illegal":
      return { kind, from: JSON.parse(String(detail)) };
    case "tooLarge":
      return { kind, bytes: Number(detail) };
    default:
      return { kind: "unreadable", reason: "what is stored is not a job record" };
  }
}

/** What `create` wrote: the server added the time, everything else is known here. */
function newRecord(job: NewJob, createdAt: number, ttlMs: number, historyLimit: number): JobRecord {
  const { by } = job.remark;
  const first = { from: null, to: job.status, at: createdAt, version: 1, ...(by !== undefined && { by }) };
  return {
    id: job.id,
    version: 1,
    status: job.status,
    attempt: 1,
    createdAt,
    updatedAt: createdAt,
    statusAt: createdAt,
    expiresAt: ttlMs === 0 ? null : createdAt + ttlMs,
    progress: null,
    result: null,
    error: null,
    data: JSON.parse(job.data),
    history: historyLimit === 0 ? [] : [first],
  };
}

/** The version and the creation asked for; an empty one accepts any. */
function expectations(target: Target): readonly [number | string, number | string] {
  return [target.version ?? "", target.createdAt ?? ""];
}

/** Messages as the scripts take them, two values each. As JSON, because raw text would lose a lone surrogate. */
function flat(messages: readonly OutgoingMessage[]): readonly string[] {
  return messages.flatMap(({ queue, id, payload, headers }) => [
    id === null ? "" : JSON.stringify(id),
    `{"queue":${JSON.stringify(queue)},"headers":${JSON.stringify(headers)},"payload":${payload}}`,
  ]);
}
