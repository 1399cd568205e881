import { randomBytes } from "node:crypto";
import { unavailable } from "../errors.js";
import type { BackgroundTrimmer } from "./background-trimmer.js";
import { Call, type CommandKind, MAX_BATCH, type PendingCall } from "./call-queue.js";
import type { Script } from "./scripts.js";
import type { RedisSession } from "./session.js";
import type { Argument } from "./write-arguments.js";
import type { WriteBatchFormat, WriteRequest } from "./write-batch.js";
import type { ScriptResult, WriteCommand, WriteContext } from "./write-commands.js";
import type { WorkRules } from "./write-scripts.js";

let operationPrefix = "";
let operationCount = Number.POSITIVE_INFINITY;

/**
 * Returns an id for one operation, by which its retries are recognized. It has eight letters and digits: five random ones, then a
 * count. It is unique among the few ids that a record contains at one time.
 */
export function newOperationId(): string {
  if (operationCount >= 36 ** 3) {
    operationPrefix = (randomBytes(6).readUIntBE(0, 6) % 36 ** 5).toString(36).padStart(5, "0");
    operationCount = 0;
  }
  return operationPrefix + (operationCount++).toString(36).padStart(3, "0");
}

/** A write call of any command. */
export interface PendingWrite extends PendingCall, WriteRequest {
  complete(result: ScriptResult, ttlMs: number, historyLimit: number): void;
}

/** A change of one job. It keeps its operation id in all attempts. */
export class WriteCall<Input, Reply> extends Call<Reply> implements WriteRequest {
  readonly command: string;
  readonly id: string;
  readonly enters: string | null;
  readonly isDetailed: boolean;
  readonly #operationId = newOperationId();
  readonly #command: WriteCommand<Input, Reply>;
  readonly #input: Input;

  constructor(command: WriteCommand<Input, Reply>, input: Input) {
    const id = command.id(input);
    super(command.size(input), command.group(input), id);
    this.command = command.name;
    this.id = id;
    this.enters = command.enters?.(input) ?? null;
    this.isDetailed = command.isDetailed?.(input) === true;
    this.#command = command;
    this.#input = input;
  }

  get keys(): string {
    return this.#command.keys?.(this.#input) ?? "";
  }

  usesWork(rules: WorkRules): boolean {
    return this.#command.usesWork?.(this.#input, rules) === true;
  }

  script(context: WriteContext): Script {
    return this.#command.script(this.#input, context);
  }

  shared(): readonly Argument[] {
    return this.#command.shared?.(this.#input) ?? [];
  }

  args(context: WriteContext & { readonly detailed: boolean }): readonly Argument[] {
    return this.#command.args(this.#input, this.#operationId, context);
  }

  /** Resolves the call with the reply, or rejects it. */
  complete(result: ScriptResult, ttlMs: number, historyLimit: number): void {
    const { indeterminate } = this;
    try {
      this.resolve(this.#command.decode(result, this.#input, { ttlMs, indeterminate, historyLimit }));
    } catch (error) {
      this.reject(error);
    }
  }
}

/** Sends changes of jobs, in batches of one script each. */
export class WriteBatcher implements CommandKind<PendingWrite> {
  readonly requirement = "write";
  readonly minBatch = 16;
  readonly maxBatch = MAX_BATCH;
  readonly #session: RedisSession;
  readonly #format: WriteBatchFormat;
  readonly #historyLimit: number;
  readonly #trimmer: BackgroundTrimmer;

  constructor(session: RedisSession, format: WriteBatchFormat, historyLimit: number, trimmer: BackgroundTrimmer) {
    this.#session = session;
    this.#format = format;
    this.#historyLimit = historyLimit;
    this.#trimmer = trimmer;
  }

  send(batch: readonly PendingWrite[]): Promise<void> {
    const { connection, metadata, replicas } = this.#session;
    const [first] = batch;
    const end = first?.end ?? 0;
    const repeated = first?.indeterminate === true || connection.mayResend;
    const deadline = this.#session.deadline(end);
    const options = { metadata, deadline, connection: connection.id, repeated };
    const { script, keys, args, ttlMs } = this.#format.encode(batch, options);
    const sent = connection.client.call("evalsha", [script.sha, keys.length, ...keys, ...args]);
    this.#trimmer.onBatchSent(batch);
    return sent.then((reply) => {
      this.#session.checkReply(reply, metadata);
      const { results, metadataChanged } = this.#format.decode(reply as readonly unknown[], batch.length);
      if (metadataChanged) this.#session.invalidateMetadata(metadata);
      else this.#session.confirmMetadata();
      this.#session.writeAccepted();
      if (replicas === null) return this.#complete(batch, results, ttlMs, null);
      return replicas.confirm(end, repeated).then((shortage) => this.#complete(batch, results, ttlMs, shortage));
    });
  }

  /** @param shortage reason why the changes are not acknowledged; null: enough replicas have them */
  #complete(
    batch: readonly PendingWrite[],
    results: readonly ScriptResult[],
    ttlMs: number,
    shortage: string | null,
  ): void {
    for (const [n, result] of results.entries()) {
      const call = batch[n];
      if (call === undefined) break;
      if (shortage !== null) call.reject(unavailable(shortage, true));
      else call.complete(result, ttlMs, this.#historyLimit);
    }
  }

  toError(error: unknown, call: PendingWrite): unknown {
    return this.#session.toError(error, call, this.requirement);
  }
}
