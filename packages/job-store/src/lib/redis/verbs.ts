import type {
  Conflict,
  Illegal,
  InsertReply,
  JobRecord,
  Missing,
  Move,
  MoveReply,
  NewJob,
  OutgoingMessage,
  ProgressReply,
  RemoveReply,
  ReplaceReply,
  Target,
  TooLarge,
  Unreadable,
  WholeJob,
} from "../driver.js";
import { unavailable } from "../errors.js";
import type { StatusCode as Code } from "./index-metadata.js";
import { fieldLines, line, readRecord, remarkText, wholeArgs } from "./record-text.js";
import type { Budget } from "./write-batch.js";

/** What a script replied to one call: what happened, and what belongs to that. */
export type Outcome = readonly [what: string, detail: unknown];

export type Argument = string | number;

/** What a reply is read with. */
export interface Circumstances {
  readonly code: Code;
  readonly budget: Budget;
  readonly historyLimit: number;
}

/** How one kind of change is told to its script, lua/<name>.lua, and how that answers. */
export interface Verb<S, R> {
  readonly name: string;
  readonly id: (subject: S) => string;
  /** Characters that it sends, about. */
  readonly size: (subject: S) => number;
  /** The status that a job enters by it. */
  readonly enters?: (subject: S) => string;
  /** Statuses from which that is legal. */
  readonly sources?: (subject: S) => readonly string[];
  /** Its own arguments, those behind the operation id. `status`: the name that the status has which it enters. */
  readonly args: (subject: S, status: string) => readonly Argument[];
  /** @throws JobStoreError UNAVAILABLE (indeterminate) */
  readonly read: (outcome: Outcome, subject: S, circumstances: Circumstances) => R;
}

export const create: Verb<NewJob, InsertReply> = {
  name: "create",
  id: (job) => job.id,
  size: (job) => job.data.length + sizeOf(job.outbox),
  enters: (job) => job.status,
  args: (job, status) => [
    ...[status, line("data", job.data), remarkText(job.remark), fieldLines(job.fields)],
    ...messageArgs(job.outbox),
  ],
  read: (outcome, job, { code, historyLimit }) => {
    if (outcome[0] === "created") {
      return { kind: "created", record: newRecord(job, Number(outcome[1]), code.ttlMs, historyLimit) };
    }
    if (outcome[0] !== "exists") return refused(outcome) as TooLarge | Unreadable;
    const reading = readRecord(job.id, String(outcome[1]));
    return "kind" in reading ? reading : { kind: "exists", record: reading };
  },
};

export const move: Verb<Move, MoveReply> = {
  name: "move",
  id: ({ target }) => target.id,
  size: (change) => (change.result?.length ?? 0) + (change.progress?.length ?? 0) + sizeOf(change.outbox),
  enters: (change) => change.to,
  sources: (change) => change.from,
  args: (change, status) => [
    ...[status, expectations(change.target), parts(change), remarkText(change.remark)],
    ...messageArgs(change.outbox),
  ],
  read: (outcome, { target }, { budget }) => {
    const kind = outcome[0] === "unchanged" ? "unchanged" : "moved";
    const record = answer(target.id, outcome, kind, budget);
    if (record === null) return refused(outcome, budget);
    return "kind" in record ? record : { kind, record };
  },
};

export const recordProgress: Verb<{ readonly target: Target; readonly progress: string }, ProgressReply> = {
  name: "progress",
  id: ({ target }) => target.id,
  size: ({ progress }) => progress.length,
  args: ({ target, progress }) => [expectations(target), line("progress", progress)],
  read: (outcome, _, { budget }) => (outcome[0] === "recorded" ? { kind: "recorded" } : refused(outcome, budget)),
};

/** A whole job; and, to be replaced by it, a value that is no record. */
interface Replacement {
  readonly job: WholeJob;
  readonly value: string;
}

export const save: Verb<Replacement, ReplaceReply | { readonly kind: "changed" }> = {
  name: "save",
  id: ({ job }) => job.id,
  size: ({ job, value }) => job.data.length + (job.result?.length ?? 0) + value.length,
  enters: ({ job }) => job.status,
  args: ({ job, value }, status) => [status, ...wholeArgs(job), value],
  read: (outcome, { job }, { budget }) => {
    if (outcome[0] === "over" || outcome[0] === "changed") return { kind: outcome[0] };
    const record = answer(job.id, outcome, "saved", budget);
    if (record === null) return refused(outcome) as Conflict | TooLarge | Unreadable;
    return "kind" in record ? record : { kind: "saved", record };
  },
};

export const remove: Verb<Target, RemoveReply> = {
  name: "remove",
  id: ({ id }) => id,
  size: () => 0,
  args: (target) => [expectations(target)],
  // "removed": by this call's first attempt, whose reply was lost.
  read: (outcome) =>
    outcome[0] === "done" || outcome[0] === "removed"
      ? { kind: "removed" }
      : (refused(outcome) as Missing | Conflict | Unreadable),
};

/** Of a value that is no record. */
export const drop: Verb<{ readonly id: string; readonly value: string }, boolean> = {
  name: "drop",
  id: ({ id }) => id,
  size: ({ value }) => value.length,
  args: ({ value }) => [value],
  read: (outcome) => outcome[0] === "dropped",
};

type Refused = Missing | Conflict | Illegal | TooLarge | Unreadable;

/**
 * The record that a reply carries, or null where it carries none. "answered" tells a retry that the operation was
 * carried out before; what it answered then can be told again only while the job has not moved on.
 * @throws JobStoreError UNAVAILABLE (indeterminate)
 */
function answer(id: string, outcome: Outcome, kind: string, budget: Budget): JobRecord | Unreadable | null {
  if (outcome[0] === kind) return readRecord(id, String(outcome[1]));
  if (outcome[0] !== "answered") return null;
  const [version = "", text = ""] = String(outcome[1]).split(/ (.*)/s, 2);
  const record = readRecord(id, text);
  if ("kind" in record || record.version === Number(version)) return record;
  budget.doubtful = true;
  throw unavailable(`The reply to this call was lost, and job ${id} has moved on since.`, true);
}

/** @throws JobStoreError UNAVAILABLE where an earlier attempt may have succeeded before the job was removed by another */
function refused(outcome: Outcome, budget?: Budget): Refused {
  const [kind, detail] = outcome;
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

/** The version and the creation asked for. */
function expectations({ version, createdAt }: Target): string {
  return version === undefined && createdAt === undefined ? "" : `${version ?? ""} ${createdAt ?? ""}`;
}

/** Keeps what is stored of a part. */
const KEEP = "=";

function parts({ progress, result, error }: Move): string {
  if (progress === undefined && result === undefined && error === undefined) return "";
  return [
    progress === undefined ? KEEP : line("progress", progress),
    result === undefined ? KEEP : line("result", result),
    error === undefined ? KEEP : line("error", error),
  ].join("\n");
}

function sizeOf(messages: readonly OutgoingMessage[]): number {
  return messages.reduce((size, { payload }) => size + payload.length, 0);
}

/** Two values each. As JSON, because raw text would lose a lone surrogate. */
function messageArgs(messages: readonly OutgoingMessage[]): readonly string[] {
  return messages.flatMap(({ queue, id, payload, headers }) => [
    id === null ? "" : JSON.stringify(id),
    `{"queue":${JSON.stringify(queue)},"headers":${JSON.stringify(headers)},"payload":${payload}}`,
  ]);
}
