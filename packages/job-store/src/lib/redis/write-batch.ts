import type { StoreConfig } from "../driver.js";
import type { IndexMetadata } from "./index-metadata.js";
import { type Keys, scoreRange } from "./keys.js";
import type { Script } from "./scripts.js";
import type { Argument } from "./write-arguments.js";
import type { ScriptResult, WriteContext } from "./write-commands.js";
import { type WorkRules, WriteScripts, workRules } from "./write-scripts.js";

/** Write call that can be encoded as a part of a batch. */
export interface WriteRequest {
  /** Name of the command. */
  readonly command: string;
  readonly id: string;
  /** Status that the job enters; null: none. */
  readonly enters: string | null;
  /** True if the script needs all values of the call, not only the first ones; see lua/includes/begin-write.lua. */
  readonly isDetailed: boolean;
  /** Flags of the keys that the script needs for the call. */
  readonly keys: string;
  /** True if the script may need the work state of the job. */
  usesWork(rules: WorkRules): boolean;
  script(context: WriteContext): Script;
  /** Arguments that the calls of a group have in common. */
  shared(): readonly Argument[];
  args(context: WriteContext & { readonly detailed: boolean }): readonly Argument[];
}

/** Flags of the keys of work states, and of the outbox, which gets their messages. */
const WORK = "ow";

/** A batch of write calls, as a script with its keys and arguments. */
export interface WriteBatch {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  /** TTL of the status that the calls enter; 0: forever, or none is entered. */
  readonly ttlMs: number;
}

/** Request to delete the oldest jobs of a status that has too many. */
export interface TrimRequest {
  readonly status: string;
  /** Number of jobs that the status keeps. */
  readonly maxCount: number;
  /** Jobs to delete, if they are among the oldest. */
  readonly ids: readonly string[];
  /** Maximum number of ids of further jobs that the script returns. */
  readonly limit: number;
}

/** Reply to a batch. */
export interface WriteBatchReply {
  /** Results of the first calls, in order. The script may have ended before the others. */
  readonly results: readonly ScriptResult[];
  /** True if the script changed the metadata of the store. */
  readonly metadataChanged: boolean;
}

/** Converts batches of write calls to scripts with their arguments, and splits the replies. */
export class WriteBatchFormat {
  readonly #keys: Keys;
  readonly #config: StoreConfig;
  readonly #scripts: WriteScripts;
  readonly #firstKeys: readonly string[];
  /** Keys of each flag, in the order in which scripts take them; see lua/includes/begin-write.lua. */
  readonly #keysOfFlags: ReadonlyMap<string, readonly string[]>;
  readonly #workRules: WorkRules;

  constructor(keys: Keys, config: StoreConfig, eventLogLength: number) {
    this.#keys = keys;
    this.#config = config;
    // Lua counts bytes.
    this.#scripts = new WriteScripts(config, eventLogLength, Buffer.byteLength(keys.job("")) + 1);
    this.#firstKeys = [keys.metadata, keys.statuses, keys.creations, keys.events];
    this.#keysOfFlags = new Map([
      ["f", [keys.values, keys.fields]],
      ["o", [keys.outbox]],
      ["s", [keys.outboxScheduled, keys.outboxScheduledEntries]],
      ["t", [keys.evenTombstones, keys.oddTombstones]],
      ["w", [keys.work, keys.workMessages, keys.leases, keys.waits]],
      ["c", [keys.gaps, keys.pauses]],
      ["l", [keys.limits, keys.limitLists, keys.limitRules]],
    ]);
    this.#workRules = workRules(config);
  }

  /** Returns the scripts of all batches. */
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
    if (first === undefined) throw new Error("A batch must contain at least one call.");
    let detailed = false;
    let usesWork = false;
    let needed = "";
    const keys = this.#firstKeys.slice();
    for (const call of batch) {
      keys.push(this.#keys.job(call.id));
      detailed ||= call.isDetailed;
      usesWork ||= call.usesWork(this.#workRules);
      needed += call.keys;
    }
    if (first.enters !== null && this.#config.sends.has(first.enters)) needed += "o";
    if (usesWork) needed += WORK;
    if (repeated) needed += "t";
    const last = this.#lastKeys(needed, metadata);
    keys.push(...last.keys);
    const isFirstLimit = last.flags.includes("l") && !metadata.limits;
    const flags = `${last.flags}${isFirstLimit ? "n" : ""}${repeated ? "r" : ""}${detailed ? "d" : ""}`;
    const entered = first.enters === null ? undefined : metadata.ownCodes.get(first.enters);
    const context = { config: this.#config, scripts: this.#scripts, metadata, detailed };
    const args: Argument[] = [metadata.revision, deadline + connection + flags, ...first.shared()];
    for (const call of batch) args.push(...call.args(context));
    return { script: first.script(context), keys, args, ttlMs: entered?.ttlMs ?? 0 };
  }

  /** Returns the script that deletes the oldest jobs of a status with too many, and its arguments. */
  trimToMaxCount(
    { status, maxCount, ids, limit }: TrimRequest,
    { metadata, deadline, connection }: { metadata: IndexMetadata; deadline: number; connection: string },
  ): Omit<WriteBatch, "ttlMs"> {
    const last = this.#lastKeys(`${WORK}t`, metadata);
    const keys = [...this.#firstKeys, ...ids.map(this.#keys.job), ...last.keys];
    const codes = metadata.codes.filter((code) => code.status === status);
    const args = [metadata.revision, deadline + connection + last.flags, maxCount, limit, ...codes.flatMap(scoreRange)];
    return { script: this.#scripts.trimToMaxCount(metadata), keys, args };
  }

  /** Returns the keys of these flags, and the flags in the order of the keys. The metadata adds keys that many stores do not have. */
  #lastKeys(
    needed: string,
    { fields, limits }: IndexMetadata,
  ): { readonly flags: string; readonly keys: readonly string[] } {
    const all = `${needed}${fields.length > 0 ? "f" : ""}${limits && needed.includes("w") ? "l" : ""}`;
    const chosen = [...this.#keysOfFlags].filter(([flag]) => all.includes(flag));
    return { flags: chosen.map(([flag]) => flag).join(""), keys: chosen.flatMap(([, keys]) => keys) };
  }

  /** Splits a reply into its kind and a result of two values for each call that the script reached. */
  decode([kind, ...values]: readonly unknown[], calls: number): WriteBatchReply {
    // All jobs were created at the same time.
    if (kind === "created") {
      return { results: Array(calls).fill([kind, values[0]]), metadataChanged: values[1] === "grown" };
    }
    const results: ScriptResult[] = [];
    for (let n = 0; n < values.length; n += 2) results.push([values[n] as string, values[n + 1]]);
    return { results, metadataChanged: kind === "grown" };
  }
}
