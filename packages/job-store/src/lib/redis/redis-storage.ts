import type {
  AuditOptions,
  Fields,
  InsertReply,
  JobStorage,
  Listing,
  Move,
  MoveReply,
  NewJob,
  ProgressReply,
  Range,
  Reading,
  RemoveReply,
  ReplaceReply,
  StoreShape,
  Target,
  WholeJob,
} from "../driver.js";
import type { AuditReport } from "../store.js";
import { RedisAudit } from "./audit.js";
import { checkHealth } from "./health.js";
import { countJobs, listJobs } from "./listing.js";
import { Mutations } from "./mutations.js";
import { Reads } from "./reads.js";
import { readFieldLines } from "./record-text.js";
import type { RedisLog } from "./redis-log.js";
import type { RedisOutbox } from "./redis-outbox.js";
import { Replicas, type ReplicaWait } from "./replicas.js";
import type { Server } from "./server.js";
import { SurplusTrimmer } from "./surplus-trimmer.js";
import { Trimmer } from "./trimmer.js";
import * as verbs from "./verbs.js";

/** Jobs in Redis: what is called in one turn travels together. */
export class RedisStorage implements JobStorage {
  readonly outbox: RedisOutbox;
  readonly logs: readonly RedisLog[];
  readonly #server: Server;
  readonly #shape: StoreShape;
  readonly #reads: Reads;
  readonly #mutations: Mutations;
  readonly #replicas: Replicas | null;
  readonly #trimmer: Trimmer;
  readonly #surplus: SurplusTrimmer;

  constructor(
    server: Server,
    shape: StoreShape,
    parts: {
      readonly outbox: RedisOutbox;
      readonly log: RedisLog;
      readonly eventLogLength: number;
      readonly waitReplicas: ReplicaWait | null;
    },
  ) {
    const { eventLogLength, waitReplicas } = parts;
    this.#replicas = waitReplicas && new Replicas(server.connection, server.keys.probe, waitReplicas);
    this.#server = server;
    this.#shape = shape;
    this.#trimmer = new Trimmer(server);
    this.#surplus = new SurplusTrimmer(server, shape.maxCount, eventLogLength);
    this.#reads = new Reads(server);
    const [trimmer, surplus, replicas] = [this.#trimmer, this.#surplus, this.#replicas];
    this.#mutations = new Mutations(server, shape, { eventLogLength, trimmer, surplus, replicas });
    this.outbox = parts.outbox;
    this.logs = [parts.log];
  }

  insert(job: NewJob): Promise<InsertReply> {
    return this.#mutations.run(verbs.create, job);
  }

  replace(job: WholeJob): Promise<ReplaceReply> {
    return this.#mutations.run(verbs.save, job);
  }

  move(move: Move): Promise<MoveReply> {
    return this.#mutations.run(verbs.move, move);
  }

  recordProgress(target: Target, progress: string): Promise<ProgressReply> {
    return this.#mutations.run(verbs.recordProgress, { target, progress });
  }

  remove(target: Target): Promise<RemoveReply> {
    return this.#mutations.run(verbs.remove, target);
  }

  read(ids: readonly string[]): Promise<readonly Reading[]> {
    return this.#reads.run(ids);
  }

  async readIndexValues(ids: readonly string[]): Promise<readonly Fields[]> {
    const { values } = this.#server.keys;
    const lines = await this.#server.read((client) => Promise.all(ids.map((id) => client.hget(values, id))));
    return lines.map((text) => readFieldLines(text ?? ""));
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
    return checkHealth(this.#server.connection, this.#server.keys, this.#replicas, timeoutMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.#trimmer.close(), this.#surplus.close()]);
    this.outbox.close();
    for (const log of this.logs) log.close();
  }
}
