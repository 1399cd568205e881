import { randomBytes } from "node:crypto";
import { unavailable } from "../errors.js";
import { Call, type CommandKind, MAX_BATCH, type PendingCall } from "./call-queue.js";
import type { Script } from "./scripts.js";
import type { RedisSession } from "./session.js";
import type { Trimmer } from "./trimmer.js";
import type { Argument, Outcome, Verb, WriteContext } from "./verbs.js";
import type { WriteBatchFormat, WriteRequest } from "./write-batch.js";

let operationPrefix = "";
let operationCount = Number.POSITIVE_INFINITY;

/**
 * Returns an id for one operation, by which its retries are recognized. It has eight letters and digits: five random ones, then a
 * count. It is unique among the few ids that a job remembers for the length of a call.
 */
export function newOperationId(): string {
  if (operationCount >= 36 ** 3) {
    operationPrefix = (randomBytes(6).readUIntBE(0, 6) % 36 ** 5).toString(36).padStart(5, "0");
    operationCount = 0;
  }
  return operationPrefix + (operationCount++).toString(36).padStart(3, "0");
}

/** A write call of any verb. */
export interface PendingWrite extends PendingCall, WriteRequest {
  answer(outcome: Outcome, ttlMs: number, historyLimit: number): void;
}

/** A change of one job. It keeps its operation id in all attempts. */
export class WriteCall<S, R> extends Call<R> implements WriteRequest {
  readonly verb: string;
  readonly id: string;
  readonly enters: string | null;
  readonly isDetailed: boolean;
  readonly #operationId = newOperationId();
  readonly #verb: Verb<S, R>;
  readonly #subject: S;

  constructor(verb: Verb<S, R>, subject: S) {
    const id = verb.id(subject);
    super(verb.size(subject), verb.group(subject), id);
    this.verb = verb.name;
    this.id = id;
    this.enters = verb.enters?.(subject) ?? null;
    this.isDetailed = verb.isDetailed?.(subject) === true;
    this.#verb = verb;
    this.#subject = subject;
  }

  script(context: WriteContext): Script {
    return this.#verb.script(this.#subject, context);
  }

  args(context: WriteContext & { readonly detailed: boolean }): readonly Argument[] {
    return this.#verb.args(this.#subject, this.#operationId, context);
  }

  /** Settles the call. */
  answer(outcome: Outcome, ttlMs: number, historyLimit: number): void {
    const budget = { doubtful: this.indeterminate };
    try {
      this.resolve(this.#verb.read(outcome, this.#subject, { ttlMs, budget, historyLimit }));
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
  readonly #trimmer: Trimmer;

  constructor(session: RedisSession, format: WriteBatchFormat, historyLimit: number, trimmer: Trimmer) {
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
    this.#trimmer.sent(batch);
    return sent.then((reply) => {
      this.#session.checkReply(reply, metadata);
      const { outcomes, metadataChanged } = this.#format.decode(reply as readonly unknown[], batch.length);
      if (metadataChanged) this.#session.invalidateMetadata(metadata);
      else this.#session.confirmMetadata();
      this.#session.writeAccepted();
      if (replicas === null) return this.#settle(batch, outcomes, ttlMs, null);
      return replicas.confirm(end, repeated).then((shortage) => this.#settle(batch, outcomes, ttlMs, shortage));
    });
  }

  /** @param shortage why too few replicas have the changes; null: enough have them */
  #settle(batch: readonly PendingWrite[], outcomes: readonly Outcome[], ttlMs: number, shortage: string | null): void {
    for (const [n, outcome] of outcomes.entries()) {
      const call = batch[n];
      if (call === undefined) break;
      if (shortage !== null) call.reject(unavailable(shortage, true));
      else call.answer(outcome, ttlMs, this.#historyLimit);
    }
  }

  toError(error: unknown, call: PendingWrite): unknown {
    return this.#session.toError(error, call, this.requirement);
  }
}
