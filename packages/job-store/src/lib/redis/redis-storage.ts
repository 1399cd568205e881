import type {
  AuditOptions,
  ClaimReply,
  ClaimRequest,
  CreateReply,
  DeleteReply,
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
import type { AuditReport } from "../types.js";
import { readActivity } from "./activity.js";
import { RedisAudit } from "./audit.js";
import { BackgroundTrimmer } from "./background-trimmer.js";
import type { CallQueue } from "./call-queue.js";
import { countJobs } from "./counts.js";
import type { RedisEventLog } from "./event-log.js";
import { checkHealth, type ShardHealth } from "./health.js";
import type { Leases } from "./leases.js";
import { listJobs } from "./listing.js";
import type { Pauses } from "./pauses.js";
import { ReadBatcher } from "./read-batcher.js";
import { readFieldLines } from "./record-text.js";
import type { RedisOutbox } from "./redis-outbox.js";
import type { RedisSession } from "./session.js";
import type { Timeouts } from "./timeouts.js";
import { readWorkers } from "./workers.js";
import type { WriteBatchFormat } from "./write-batch.js";
import { type PendingWrite, WriteBatcher, WriteCall } from "./write-batcher.js";
import * as commands from "./write-commands.js";

/** Jobs of one server, or of one shard. Calls of one tick are batched. */
export class RedisStorage implements JobStorage {
  readonly outbox: RedisOutbox;
  readonly logs: readonly RedisEventLog[];
  readonly #session: RedisSession;
  readonly #config: StoreConfig;
  readonly #leases: Leases;
  readonly #pauses: Pauses;
  readonly #timeouts: Timeouts;
  readonly #reader: ReadBatcher;
  readonly #writes: CallQueue<PendingWrite>;
  readonly #trimmer: BackgroundTrimmer;

  constructor(
    session: RedisSession,
    config: StoreConfig,
    parts: {
      readonly outbox: RedisOutbox;
      readonly log: RedisEventLog;
      readonly leases: Leases;
      readonly pauses: Pauses;
      readonly timeouts: Timeouts;
      readonly format: WriteBatchFormat;
    },
  ) {
    this.#session = session;
    this.#config = config;
    this.#trimmer = new BackgroundTrimmer(session, parts.format, config.maxCount);
    this.#leases = parts.leases;
    this.#pauses = parts.pauses;
    this.#timeouts = parts.timeouts;
    this.#reader = new ReadBatcher(session, parts.leases);
    const batcher = new WriteBatcher(session, parts.format, config.historyLimit, this.#trimmer);
    this.#writes = session.executor.queue(batcher);
    this.outbox = parts.outbox;
    this.logs = [parts.log];
  }

  async create(job: NewJob): Promise<CreateReply> {
    return this.#withLease(await this.#write(commands.create, job));
  }

  async request(request: JobRequest): Promise<RequestReply> {
    return this.#withLease(await this.#write(commands.request, request));
  }

  /** Adds the end of the lease to an existing job. */
  async #withLease<R extends CreateReply | RequestReply>(reply: R): Promise<R> {
    if (reply.kind !== "exists") return reply;
    const [reading] = await this.#leases.addTo([{ kind: "record", record: reply.record }]);
    return reading?.kind === "record" ? { ...reply, record: reading.record } : reply;
  }

  save(job: FullJob): Promise<SaveReply> {
    return this.#write(commands.save, job);
  }

  updateStatus(update: StatusUpdate): Promise<UpdateStatusReply> {
    return this.#write(commands.updateStatus, update);
  }

  claim(request: ClaimRequest): Promise<ClaimReply> {
    return this.#write(commands.claim, request);
  }

  failRequest(request: FailRequest): Promise<FailRequestReply> {
    return this.#write(commands.failRequest, request);
  }

  renewLeases(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]> {
    return this.#leases.renew(targets, leaseMs);
  }

  examine(id: string): Promise<Examination> {
    return this.#leases.examine(id);
  }

  announceWorker(
    worker: WorkerRecord,
    targets: readonly Target[],
    leaseMs: number,
  ): ReturnType<JobStorage["announceWorker"]> {
    return this.#leases.announce(worker, targets, leaseMs);
  }

  workers(withRunning: boolean): ReturnType<JobStorage["workers"]> {
    return this.#session.read(({ client }) => readWorkers(client, this.#session.keys, withRunning));
  }

  pauseQueue(request: PauseRequest): Promise<void> {
    return this.#pauses.pause(request);
  }

  resumeQueue(queue: string): Promise<boolean> {
    return this.#pauses.resume(queue);
  }

  pauses(): Promise<readonly QueuePause[]> {
    return this.#pauses.all();
  }

  findOverdue(owner: string): ReturnType<JobStorage["findOverdue"]> {
    return this.#timeouts.findOverdue(owner);
  }

  updateProgress(target: Target, progress: string): Promise<UpdateProgressReply> {
    return this.#write(commands.updateProgress, { target, progress });
  }

  delete(target: Target): Promise<DeleteReply> {
    return this.#write(commands.remove, target);
  }

  read(ids: readonly string[]): Promise<readonly ReadResult[]> {
    return this.#reader.read(ids);
  }

  async readIndexValues(ids: readonly string[]): Promise<readonly IndexValues[]> {
    const { values } = this.#session.keys;
    const lines = await this.#session.read(({ client }) => Promise.all(ids.map((id) => client.hget(values, id))));
    return lines.map((text) => readFieldLines(text ?? ""));
  }

  list(request: ListRequest): Promise<ListResult> {
    return listJobs(this.#session, this.#reader, request, () => this.#trimmer.trimExpired());
  }

  counts(where: ListRequest["where"]): Promise<ReadonlyMap<string, number>> {
    return countJobs(this.#session, where);
  }

  activity(lateMs: number): Promise<StoredActivity> {
    return readActivity(this.#session, this.#config, lateMs, () => this.#trimmer.trimExpired());
  }

  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    return new RedisAudit(this.#session, this.#config, options).steps();
  }

  #write<Input, Reply>(command: commands.WriteCommand<Input, Reply>, input: Input): Promise<Reply> {
    const call = new WriteCall(command, input);
    this.#writes.add(call);
    return call.promise;
  }

  logOf(): number {
    return 0;
  }

  async health(timeoutMs: number): Promise<StorageHealth> {
    const { attended: _, ...health } = await this.shardHealth(timeoutMs);
    return health;
  }

  shardHealth(timeoutMs: number): Promise<ShardHealth> {
    return checkHealth(this.#session, { timeoutMs, hasTimeouts: this.#config.timeouts.size > 0 });
  }

  async close(): Promise<void> {
    await this.#trimmer.close();
    this.outbox.close();
    for (const log of this.logs) log.close();
  }
}
