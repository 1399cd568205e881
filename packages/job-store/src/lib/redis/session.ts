import type { StoreConfig } from "../driver.js";
import { unavailable } from "../errors.js";
import type { StoreEvent } from "../events.js";
import type { PendingCall, Requirement, ServerState } from "./call-queue.js";
import { type Client, type Deadline, type RedisConnection, ServerClock } from "./connection.js";
import { type CommandOptions, Executor } from "./executor.js";
import { type IndexMetadata, loadMetadata } from "./index-metadata.js";
import type { Keys, StatusTtl } from "./keys.js";
import { PermissionCheck } from "./permissions.js";
import {
  explain,
  isDenial,
  isUnknownCommand,
  RetryableError,
  reasonOf,
  replyCode,
  WRITE_REJECTIONS,
} from "./redis-errors.js";
import { ReplicaAcks, type ReplicaWait } from "./replica-acks.js";
import { evaluate, type Script, scripts } from "./scripts.js";
import type { WriteBatchFormat } from "./write-batch.js";

/** Reply of a script: its kind, then further values. */
export type Reply = readonly [string, ...unknown[]];

/** Arguments of one attempt of a command. */
export interface Attempt {
  readonly client: Client;
  readonly metadata: IndexMetadata;
  /** End of the call by the server's clock. Only known for `write`. */
  readonly deadline: number;
  /** Runs a script. If it replies that the deadline passed or the metadata changed, the command is repeated with new ones. */
  readonly evaluate: (script: Script, keys: readonly string[], args: readonly (string | number)[]) => Promise<Reply>;
}

/** Time after which metadata may be out of date, unless a script has compared its revision. */
const CONFIRMED_MS = 1000;

/**
 * State of one server, or of the server of one shard, as known to the driver: the metadata of the store, the clock, the permissions of
 * the user and the loaded scripts. All commands of a store are run by a session.
 */
export class RedisSession implements ServerState {
  readonly executor: Executor;
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** null: changes are acknowledged without waiting for replicas. */
  readonly replicas: ReplicaAcks | null;
  readonly #config: StoreConfig;
  readonly #shards: number;
  readonly #format: WriteBatchFormat;
  readonly #permissions: PermissionCheck;
  readonly #clock = new ServerClock();
  readonly #emit: (event: StoreEvent) => void;
  #metadata: IndexMetadata | undefined;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  /** Epoch and metadata for which the server has all scripts of write batches. */
  #loaded: { readonly epoch: number; readonly metadata: IndexMetadata } | undefined;
  /** Lost connections that are not recorded on the server yet. */
  readonly #lost = new Set<string>();
  #rejectsWrites = false;
  /** Run of the server that answered last. "": not known. */
  #run = "";

  constructor(
    connection: RedisConnection,
    keys: Keys,
    config: StoreConfig,
    options: {
      readonly timeoutMs: number;
      readonly shards: number;
      readonly format: WriteBatchFormat;
      readonly waitReplicas: ReplicaWait | null;
    },
  ) {
    const { timeoutMs, shards, format, waitReplicas } = options;
    this.executor = new Executor(connection, timeoutMs, this);
    this.connection = connection;
    this.keys = keys;
    this.replicas = waitReplicas && new ReplicaAcks(this.executor, connection, keys.probe, waitReplicas);
    this.#config = config;
    this.#shards = shards;
    this.#format = format;
    this.#permissions = new PermissionCheck(this.executor, connection, keys);
    this.#emit = config.emit;
    // A store without calls notices a restart, too.
    connection.onOpen(() => this.#measureClockLater());
    // On a cluster, calls are looked up in every attempt.
    if (!connection.mayResend) connection.onLoss(() => void (connection.id !== "" && this.#lost.add(connection.id)));
  }

  /** Runs a command that reads, as soon as the metadata is known. @throws JobStoreError UNAVAILABLE, INVALID_ARGUMENT */
  read<T>(command: (attempt: Attempt) => Promise<T>, options?: CommandOptions): Promise<T> {
    return this.executor.run("metadata", (end) => command(this.#attempt(end)), options);
  }

  /**
   * Runs a script that changes something and checks its deadline, after the check of permissions.
   * @throws JobStoreError UNAVAILABLE, INVALID_ARGUMENT
   */
  async write(command: (attempt: Attempt) => Promise<Reply>, options?: CommandOptions): Promise<Reply> {
    const reply = await this.executor.run("write", (end) => command(this.#attempt(end)), options);
    this.writeAccepted();
    return reply;
  }

  #attempt(end: number): Attempt {
    const { metadata } = this;
    const { client } = this.connection;
    return {
      client,
      metadata,
      deadline: this.deadline(end),
      evaluate: async (script, keys, args) => this.checkReply(await evaluate(client, script, keys, args), metadata),
    };
  }

  /** Returns the server's time in milliseconds since 1970, or a little less; null: not known. */
  serverTime(): number | null {
    return this.#clock.isKnown(this.connection.epoch) ? this.#clock.now() : null;
  }

  /** Converts the end of a call to the server's clock. */
  deadline(end: number): number {
    return this.#clock.deadline(end);
  }

  /** Returns the reply of a script, unless it rejected its deadline or its metadata. @throws RetryableError */
  checkReply(reply: unknown, metadata: IndexMetadata): Reply {
    const result: unknown = Array.isArray(reply) ? reply[0] : undefined;
    if (result === "late") {
      this.#clock.invalidate();
      throw new RetryableError("the request reached the server after its deadline and was not executed", "stale");
    }
    if (result === "stale") {
      this.invalidateMetadata(metadata);
      throw new RetryableError("the metadata of the store keeps changing", "stale");
    }
    return reply as Reply;
  }

  get knownMetadata(): IndexMetadata | undefined {
    return this.#metadata;
  }

  /** @throws RetryableError if the metadata is not known any more */
  get metadata(): IndexMetadata {
    if (this.#metadata === undefined) throw new RetryableError("the metadata of the store keeps changing", "stale");
    return this.#metadata;
  }

  /** Notes that a script has just compared the revision of the metadata. */
  confirmMetadata(): void {
    this.#confirmedAt = performance.now();
  }

  /** True if a script compared the revision a moment ago. */
  get isMetadataConfirmed(): boolean {
    return this.#metadata !== undefined && performance.now() - this.#confirmedAt <= CONFIRMED_MS;
  }

  /** Forgets this metadata, because the server has another revision. */
  invalidateMetadata(metadata: IndexMetadata): void {
    if (this.#metadata === metadata) this.#metadata = undefined;
  }

  invalidateScripts(): void {
    this.#loaded = undefined;
  }

  #hasScripts(metadata: IndexMetadata): boolean {
    return this.#loaded?.metadata === metadata && this.#loaded.epoch === this.connection.epoch;
  }

  /** Adds codes for further statuses. @throws JobStoreError INVALID_ARGUMENT, UNAVAILABLE */
  async addCodes(statuses: readonly StatusTtl[]): Promise<void> {
    this.#metadata = await loadMetadata(this, this.#config, this.#shards, this.executor.defaultEnd(), statuses);
  }

  isReady(requirement: Requirement): boolean {
    if (!this.connection.isOpen) return false;
    if (requirement === "connection") return true;
    const metadata = this.#metadata;
    if (metadata === undefined) return false;
    if (requirement === "metadata") return true;
    if (!this.#clock.isKnown(this.connection.epoch) || !this.#permissions.passed) return false;
    if (!this.#hasScripts(metadata) || this.#lost.size > 0) return false;
    if (this.#clock.isOld) this.#measureClockLater();
    return true;
  }

  async prepare(requirement: Requirement, deadline: Deadline): Promise<void> {
    const { end } = deadline;
    await this.connection.waitUntilConnected(deadline);
    if (requirement === "connection") return;
    const metadata = this.#metadata ?? (await this.#load(end));
    if (requirement === "metadata") return;
    const { epoch } = this.connection;
    if (!this.#clock.isKnown(epoch)) await this.#measureClock(end);
    if (!this.#permissions.passed) await this.#permissions.check(deadline);
    if (!this.#hasScripts(metadata)) await this.#loadScripts(metadata, end);
    if (this.#lost.size > 0) await this.#recordLost(end);
    // A new connection may be one to another server.
    if (epoch !== this.connection.epoch) await this.prepare(requirement, deadline);
  }

  async #load(end: number): Promise<IndexMetadata> {
    const metadata = await loadMetadata(this, this.#config, this.#shards, end);
    this.confirmMetadata();
    // Calls with another requirement may have loaded it at the same time.
    this.#metadata ??= metadata;
    return this.#metadata;
  }

  async #measureClock(end: number): Promise<void> {
    const measure = (client: Client) => this.#clock.measure(client, this.keys.metadata, this.connection.epoch);
    this.noteRun(await this.executor.query(measure, { end }));
  }

  /** Notes the run of the server that has just answered. "": not known. */
  noteRun(run: string): void {
    if (run === "" || run === this.#run) return;
    this.connection.noteRun(run, this.#run);
    this.#run = run;
  }

  #measureClockLater(): void {
    this.#clock.markMeasured();
    // Calls in flight fail with the same error.
    this.#measureClock(this.executor.defaultEnd()).catch(() => {});
  }

  /** Loads the scripts of write batches before the first batch, because batches name them by hash only. */
  #loadScripts(metadata: IndexMetadata, end: number): Promise<void> {
    const load = async (client: Client) => {
      const { epoch } = this.connection;
      if (this.replicas !== null) await this.replicas.check(client);
      // Their deadline has passed, so they change nothing. On a cluster, the key selects the server.
      const run = (script: Script) => evaluate(client, script, [this.keys.metadata], ["", "0"]);
      await Promise.all(this.#format.scripts(metadata).map(run));
      this.#loaded = { epoch, metadata };
    };
    return this.executor.query(load, { end });
  }

  /** Returns true if a script failed after its first write. Scripts do not roll back. */
  isPartlyApplied(error: unknown, requirement: Requirement): boolean {
    return requirement === "write" && replyCode(error) !== null && isFailureMidway(reasonOf(error));
  }

  /** Makes the server reject calls from lost connections that arrive later, because calls without a reply are sent again. */
  async #recordLost(end: number): Promise<void> {
    const ids = [...this.#lost];
    const record = (client: Client) => evaluate(client, scripts.recordLostConnections, [this.keys.metadata], ids);
    try {
      await this.executor.query(record, { end });
    } catch (error) {
      // A server that cannot record connections rejects changes, too.
      if (!WRITE_REJECTIONS.has(replyCode(error) ?? "")) throw error;
    }
    for (const id of ids) this.#lost.delete(id);
  }

  toError(error: unknown, call: PendingCall, requirement: Requirement): unknown {
    const code = replyCode(error);
    if (code === null) return error;
    const reason = reasonOf(error);
    if (this.isPartlyApplied(error, requirement)) call.indeterminate = true;
    if (isDenial(reason) || isUnknownCommand(reason)) return this.#permissions.explain(reason, call);
    if (code === "WRONGTYPE") return this.#permissions.explainWrongType(reason, call);
    if (WRITE_REJECTIONS.has(code)) this.#writeRejected(reason);
    return unavailable(`Redis returned an error: ${explain(reason)}.`, call.indeterminate);
  }

  #writeRejected(reason: string): void {
    if (!this.#rejectsWrites) this.#emit({ type: "degraded", message: `Redis rejects writes: ${reason}.` });
    this.#rejectsWrites = true;
  }

  /** Notes that the server has accepted a write. */
  writeAccepted(): void {
    if (this.#rejectsWrites) this.#emit({ type: "recovered", message: "Redis accepts writes again." });
    this.#rejectsWrites = false;
  }
}

/** Returns true if a script was denied a command or a key after it had begun. */
function isFailureMidway(reason: string): boolean {
  return (isDenial(reason) || reason.includes("WRONGTYPE")) && reason.includes("script");
}
