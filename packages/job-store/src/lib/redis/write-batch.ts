import type { StoreShape } from "../driver.js";
import type { IndexMetadata, StatusCode } from "./index-metadata.js";
import { indexKeys, type Keys } from "./keys.js";
import { statusLines } from "./record-text.js";
import { anyChange, changesOf, type Script } from "./scripts.js";
import type { Argument, Outcome, Verb } from "./verbs.js";

/** A write call, as its script gets it. */
export interface WriteRequest {
  readonly verb: string;
  readonly id: string;
  readonly operationId: string;
  /** Status that the job enters; null: none. */
  readonly enters: string | null;
  /** Statuses from which that is allowed. */
  readonly sources: readonly string[] | undefined;
  /** Arguments after the operation id. `status`: name of the entered status in this batch. */
  args(status: string): readonly Argument[];
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
  /** Code of the status that each call enters. */
  readonly codes: readonly StatusCode[];
}

/** Reply to a batch. */
export interface WriteBatchReply {
  /** Outcomes of the first calls, in order. The script may have ended before the others. */
  readonly outcomes: readonly Outcome[];
  /** True if the script changed the metadata of the store. */
  readonly metadataChanged: boolean;
}

/** A status in a batch, and the statuses from which it can be entered. */
interface BatchStatus {
  readonly status: string;
  readonly sources: readonly string[] | undefined;
  readonly code: StatusCode;
}

/** For calls that enter no status. */
export const NO_CODE: StatusCode = { code: -1, status: "", ttlMs: 0 };

/** Returns the group of a call. A batch contains calls of one group, which have the same script. */
export function groupOf<S>({ name }: Verb<S, unknown>, _: S): string {
  return changesOf[name] === undefined ? "any" : name;
}

/** Converts batches of write calls to scripts with their arguments, and splits the replies. */
export class WriteBatchFormat {
  readonly #keys: Keys;
  readonly #shape: StoreShape;
  readonly #eventLogLength: number;
  readonly #sharedKeys: readonly string[];
  /** Position of the id in a job's key, in bytes as Lua counts. */
  readonly #idPosition: number;
  readonly #finalStatuses: string;
  /** A store has few such lists. */
  readonly #sourceLines = new Map<readonly string[], string>();

  constructor(keys: Keys, shape: StoreShape, eventLogLength: number) {
    this.#keys = keys;
    this.#shape = shape;
    this.#eventLogLength = eventLogLength;
    this.#sharedKeys = [...indexKeys(keys), keys.events, keys.outbox, keys.removals];
    this.#idPosition = Buffer.byteLength(keys.job("")) + 1;
    this.#finalStatuses = statusLines(shape.finalStatuses);
  }

  /** Scripts of all batches. */
  scripts(_: IndexMetadata): readonly Script[] {
    return [anyChange, ...Object.values(changesOf)];
  }

  /** @param repeated true if the server may have got the calls before */
  encode(
    batch: readonly WriteRequest[],
    { metadata, deadline, repeated }: { metadata: IndexMetadata; deadline: number; repeated: boolean },
  ): WriteBatch {
    const statuses: BatchStatus[] = [];
    const indexes = batch.map((request) => statusIndexOf(request, statuses, metadata));
    const keys = this.#sharedKeys.slice();
    for (const { id } of batch) keys.push(this.#keys.job(id));
    const creates = batch.every(({ verb }) => verb === "create");
    const { historyLimit, maxRecordBytes } = this.#shape;
    // The header that lua/batch.lua describes.
    const args: Argument[] = [
      ...[metadata.edition, deadline, repeated ? 1 : 0, this.#eventLogLength, historyLimit, maxRecordBytes],
      ...[this.#idPosition, this.#finalStatuses, creates ? 1 : 0, statuses.length],
    ];
    for (const [n, { status, sources, code }] of statuses.entries()) {
      const lines = sources === undefined ? "" : this.#linesOf(sources);
      args.push(n + 1, JSON.stringify(status), code.code * 2 ** 42, code.ttlMs, lines);
    }
    for (const [n, request] of batch.entries()) {
      const own = request.args(`${indexes[n]}`);
      args.push(request.verb, own.length + 1, request.operationId, ...own);
    }
    const codes = indexes.map((index) => statuses[index - 1]?.code ?? NO_CODE);
    return { script: changesOf[batch[0]?.verb ?? ""] ?? anyChange, keys, args, codes };
  }

  /** Splits a reply: what happened, then an outcome of two values for each call that the script reached. */
  decode([what, ...values]: readonly unknown[]): WriteBatchReply {
    const outcomes: Outcome[] = [];
    for (let n = 0; n < values.length; n += 2) outcomes.push([values[n] as string, values[n + 1]]);
    return { outcomes, metadataChanged: what === "grown" };
  }

  #linesOf(sources: readonly string[]): string {
    let lines = this.#sourceLines.get(sources);
    if (lines === undefined) {
      lines = statusLines(sources);
      this.#sourceLines.set(sources, lines);
    }
    return lines;
  }
}

/** Returns the index of the status that a call enters, from 1 on; 0: none. */
function statusIndexOf({ enters, sources }: WriteRequest, statuses: BatchStatus[], metadata: IndexMetadata): number {
  if (enters === null) return 0;
  const known = statuses.findIndex((one) => one.status === enters && one.sources === sources);
  if (known !== -1) return known + 1;
  return statuses.push({ status: enters, sources, code: metadata.own.get(enters) ?? NO_CODE });
}
