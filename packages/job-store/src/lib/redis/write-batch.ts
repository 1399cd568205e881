import type { StoreConfig } from "../driver.js";
import type { IndexMetadata } from "./index-metadata.js";
import { type Keys, scoreRange } from "./keys.js";
import type { Script } from "./scripts.js";
import type { Argument, Outcome, WriteContext } from "./verbs.js";
import { WriteScripts } from "./write-scripts.js";

/** A write call, as its script gets it. */
export interface WriteRequest {
  readonly verb: string;
  readonly id: string;
  /** Status that the job enters; null: none. */
  readonly enters: string | null;
  /** True if the call needs all of its values; see lua/begin-write.lua. */
  readonly isDetailed: boolean;
  script(context: WriteContext): Script;
  args(context: WriteContext & { readonly detailed: boolean }): readonly Argument[];
}

/** Whether an earlier attempt of a call may have been applied. */
export interface Budget {
  doubtful: boolean;
}

/** A batch of write calls, as a script with its keys and arguments. */
export interface WriteBatch {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  /** TTL of the status that the calls enter; 0: forever, or none is entered. */
  readonly ttlMs: number;
}

/** The jobs that a status has too many of. */
export interface SurplusRequest {
  readonly status: string;
  /** How many jobs may stay. */
  readonly most: number;
  /** Jobs to delete, if they are among the oldest. */
  readonly ids: readonly string[];
  /** How many ids of further jobs the script returns at most. */
  readonly limit: number;
}

/** Reply to a batch. */
export interface WriteBatchReply {
  /** Outcomes of the first calls, in order. The script may have ended before the others. */
  readonly outcomes: readonly Outcome[];
  /** True if the script changed the metadata of the store. */
  readonly metadataChanged: boolean;
}

/** Converts batches of write calls to scripts with their arguments, and splits the replies. */
export class WriteBatchFormat {
  readonly #keys: Keys;
  readonly #shape: StoreConfig;
  readonly #scripts: WriteScripts;
  readonly #firstKeys: readonly string[];
  /** Keys that few batches need. */
  readonly #lastKeys: readonly string[];

  constructor(keys: Keys, shape: StoreConfig, eventLogLength: number) {
    this.#keys = keys;
    this.#shape = shape;
    // Lua counts bytes.
    this.#scripts = new WriteScripts(shape, eventLogLength, Buffer.byteLength(keys.job("")) + 1);
    this.#firstKeys = [keys.map, keys.statuses, keys.creations, keys.events];
    this.#lastKeys = [keys.outbox, keys.evenTombstones, keys.oddTombstones, keys.values, keys.fields];
  }

  /** Scripts of all batches. */
  scripts(metadata: IndexMetadata): readonly Script[] {
    return this.#scripts.all(metadata);
  }

  /**
   * @param batch calls of one group
   * @param connection id of the connection
   * @param repeated true if the server may have got the calls before
   */
  encode(
    batch: readonly WriteRequest[],
    {
      metadata,
      deadline,
      connection,
      repeated,
    }: { metadata: IndexMetadata; deadline: number; connection: string; repeated: boolean },
  ): WriteBatch {
    const [first] = batch;
    if (first === undefined) throw new Error("A batch has a call.");
    let detailed = false;
    const keys = this.#firstKeys.slice();
    for (const call of batch) {
      keys.push(this.#keys.job(call.id));
      detailed ||= call.isDetailed;
    }
    const needsLastKeys = repeated || detailed || first.verb === "remove" || metadata.fields.length > 0;
    if (needsLastKeys) keys.push(...this.#lastKeys);
    const flags = `${needsLastKeys ? "k" : ""}${repeated ? "r" : ""}${detailed ? "d" : ""}`;
    const entered = first.enters === null ? undefined : metadata.own.get(first.enters);
    const context = { shape: this.#shape, scripts: this.#scripts, metadata, detailed };
    const args: Argument[] = [metadata.edition, deadline + connection + flags];
    for (const call of batch) args.push(...call.args(context));
    return { script: first.script(context), keys, args, ttlMs: entered?.ttlMs ?? 0 };
  }

  /** Returns the script that deletes the oldest jobs of a status with too many, and its arguments. */
  trimSurplus(
    { status, most, ids, limit }: SurplusRequest,
    { metadata, deadline, connection }: { metadata: IndexMetadata; deadline: number; connection: string },
  ): Omit<WriteBatch, "ttlMs"> {
    const keys = [...this.#firstKeys, ...ids.map(this.#keys.job), ...this.#lastKeys];
    const codes = metadata.codes.filter((code) => code.status === status);
    const args = [metadata.edition, `${deadline}${connection}k`, most, limit, ...codes.flatMap(scoreRange)];
    return { script: this.#scripts.trimSurplus(metadata), keys, args };
  }

  /** Splits a reply: what happened, then an outcome of two values for each call that the script reached. */
  decode([what, ...values]: readonly unknown[], calls: number): WriteBatchReply {
    // All jobs were created at the same time.
    if (what === "created") {
      return { outcomes: Array(calls).fill([what, values[0]]), metadataChanged: values[1] === "grown" };
    }
    const outcomes: Outcome[] = [];
    for (let n = 0; n < values.length; n += 2) outcomes.push([values[n] as string, values[n + 1]]);
    return { outcomes, metadataChanged: what === "grown" };
  }
}
