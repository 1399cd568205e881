import { checkDate, checkId, checkOutbox, checkRemark, checkStatus, checkWhole } from "../arguments.js";
import { encode, encodeFailure } from "../codec.js";
import type { JobDefinition, StatusOf } from "../definition.js";
import type { Job } from "../job.js";
import type { Change } from "../store.js";
import { toBase64url } from "../utf8.js";

/** The version that a snapshot's changes have brought its job to. Shared by all changes of one snapshot. */
export interface Fence {
  readonly name: string;
  readonly createdAt: number;
  version: number;
}

/** What a caller wants to be so: checked, and copied so that nobody alters it while it waits. */
export interface Wanted<D extends JobDefinition> {
  readonly id: string;
  readonly to: StatusOf<D>;
  readonly change: Change<D>;
}

export type Answer = "stored" | "pending" | "rejected";

/** One status change on its way to the store. */
export interface Report<D extends JobDefinition> extends Wanted<D> {
  /** Kept in the job's history, which tells whether the change was made when an answer was lost. */
  readonly key: string;
  /** null: by id, the lifecycle decides. */
  readonly fence: Fence | null;
  readonly reportedAt: number;
  /**
   * new: its caller waits for an answer. accepting: on its way into the journal. waiting: the caller was told "pending",
   * it counts, and it is tried again.
   */
  state: "new" | "accepting" | "waiting";
  /** An attempt may have been carried out although it was answered with an error, or not at all. */
  doubtful: boolean;
  /** Answers the caller, once. */
  readonly answer: (answer: Answer) => void;
}

/** Unique among the changes of one job: 72 random bits. */
export function newName(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(9)));
}

/**
 * Checks a change exactly as the store does, before any I/O.
 * @throws JobStoreError INVALID_ARGUMENT, INVALID_DATA
 */
export function checkWanted<D extends JobDefinition>(
  definition: D,
  id: unknown,
  to: unknown,
  change: Change<JobDefinition>,
): Wanted<D> {
  const fields = { jobId: checkId(id) };
  const status = checkStatus(definition, to) as StatusOf<D>;
  const { result, error, progress } = change;
  const { by, note } = checkRemark(change);
  const outbox = checkOutbox(change.outbox, fields.jobId);
  const copied = {
    result: result === undefined ? undefined : JSON.parse(encode(definition.result, result, "result", fields)),
    error: error === undefined ? undefined : JSON.parse(encodeFailure(error, fields)),
    progress:
      progress === undefined || progress === null ? progress : checkProgress(definition, fields.jobId, progress),
    by,
    note,
    outbox: outbox.map(({ queue, id, payload, headers }) => ({
      queue,
      payload: JSON.parse(payload),
      ...(id !== null && { id }),
      headers,
    })),
  };
  return { id: fields.jobId, to: status, change: copied };
}

/** A copy that nobody else holds. @throws JobStoreError INVALID_DATA */
export function checkProgress<D extends JobDefinition>(definition: D, id: string, progress: unknown) {
  return JSON.parse(encode(definition.progress, progress, "progress", { jobId: id }));
}

/** Remembers how far the changes of each snapshot have come, for as long as somebody holds the snapshot. */
export class Fences<D extends JobDefinition> {
  readonly #known = new WeakMap<object, Fence>();

  /** The id that a target names and, for a snapshot, its fence. @throws JobStoreError INVALID_ARGUMENT */
  aim(target: string | Job<D>): { readonly id: string; readonly fence: Fence | null } {
    if (typeof target !== "object" || target === null) return { id: checkId(target), fence: null };
    const id = checkId(target.id);
    let fence = this.#known.get(target);
    if (fence === undefined) {
      fence = {
        name: newName(),
        createdAt: checkDate(target.createdAt, "job.createdAt"),
        version: checkWhole(target.version, "job.version", 1, Number.MAX_SAFE_INTEGER),
      };
      this.#known.set(target, fence);
    }
    return { id, fence };
  }
}
