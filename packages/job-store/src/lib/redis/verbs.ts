import type {
  Conflict,
  CreateReply,
  DeleteReply,
  FullJob,
  Illegal,
  JobRecord,
  Missing,
  NewJob,
  OutgoingMessage,
  SaveReply,
  StatusUpdate,
  StoreConfig,
  Target,
  TooLarge,
  Unreadable,
  UpdateProgressReply,
  UpdateStatusReply,
} from "../driver.js";
import { unavailable } from "../errors.js";
import type { IndexMetadata } from "./index-metadata.js";
import { scoreOf } from "./keys.js";
import { readRecord } from "./read-record.js";
import { fieldLines, line, newRecordText, remarkText, wholeArgs } from "./record-text.js";
import type { Script } from "./scripts.js";
import type { Budget } from "./write-batch.js";
import type { WriteScripts } from "./write-scripts.js";

/** What a script replied to one call: what happened, and what belongs to that. */
export type Outcome = readonly [what: string, detail: unknown];

export type Argument = string | number;

/** What a reply is read with. */
export interface Circumstances {
  /** Of the status that the job enters. */
  readonly ttlMs: number;
  readonly budget: Budget;
  readonly historyLimit: number;
}

/** Properties of the store that the arguments of a change depend on. */
export interface WriteContext {
  readonly shape: StoreConfig;
  readonly metadata: IndexMetadata;
  readonly scripts: WriteScripts;
}

/** Describes one kind of change: its script, the script's arguments and its reply. */
export interface Verb<S, R> {
  readonly name: string;
  readonly id: (subject: S) => string;
  /** Approximate number of characters that the call sends. */
  readonly size: (subject: S) => number;
  /** The status that a job enters by it. */
  readonly enters?: (subject: S) => string;
  /** Identifies the calls that can share a script. */
  readonly group: (subject: S) => string;
  readonly script: (subject: S, context: WriteContext) => Script;
  /** True if the call needs all of its values; see lua/begin-write.lua. */
  readonly isDetailed?: (subject: S) => boolean;
  readonly args: (
    subject: S,
    operation: string,
    context: WriteContext & { readonly detailed: boolean },
  ) => readonly Argument[];
  /** @throws JobStoreError UNAVAILABLE (indeterminate) */
  readonly read: (outcome: Outcome, subject: S, circumstances: Circumstances) => R;
}

export const create: Verb<NewJob, CreateReply> = {
  name: "create",
  id: (job) => job.id,
  size: (job) => job.data.length + sizeOf(job.outbox),
  enters: (job) => job.status,
  group: () => "create",
  script: (_, { scripts, metadata }) => scripts.create(metadata),
  isDetailed: ({ metadata: remark, fields, outbox }) => remark.by !== undefined || fields.size > 0 || outbox.length > 0,
  args: (job, operation, { shape, detailed }) => {
    const text = newRecordText(job, shape, operation);
    if (!detailed) return [text];
    return [text, remarkText(job.metadata).slice(1), fieldLines(job.fields), ...messageArgs(job.outbox)];
  },
  read: (outcome, job, { ttlMs, historyLimit }) => {
    if (outcome[0] === "created") {
      return { kind: "created", record: newRecord(job, Number(outcome[1]), ttlMs, historyLimit) };
    }
    if (outcome[0] !== "exists") return refused(outcome) as TooLarge | Unreadable;
    const reading = readRecord(job.id, String(outcome[1]));
    return "kind" in reading ? reading : { kind: "exists", record: reading };
  },
};

export const move: Verb<StatusUpdate, UpdateStatusReply> = {
  name: "move",
  id: ({ target }) => target.id,
  size: (change) => (change.result?.length ?? 0) + (change.progress?.length ?? 0) + sizeOf(change.outbox),
  enters: (change) => change.to,
  group: ({ to }) => `move ${to}`,
  script: ({ to }, { scripts, metadata }) => scripts.move(to, metadata),
  isDetailed: (change) => parts(change) !== "" || change.outbox.length > 0,
  args: (change, operation, { detailed }) => {
    const [entry, expected] = [`"${operation}"${remarkText(change.metadata)}`, expectations(change.target)];
    return detailed ? [entry, expected, parts(change), ...messageArgs(change.outbox)] : [entry, expected];
  },
  read: (outcome, { target }, { budget }) => {
    const [first, second] = outcome;
    const moved = first.startsWith("{");
    const text = moved ? newText(first, String(second)) : null;
    const kind = moved || first === "answered" ? "updated" : "unchanged";
    const record = text === null ? answer(target.id, outcome, "unchanged", budget) : readRecord(target.id, text);
    if (record === null) return refused(outcome, budget);
    return "kind" in record ? record : { kind, record };
  },
};

export const recordProgress: Verb<{ readonly target: Target; readonly progress: string }, UpdateProgressReply> = {
  name: "progress",
  id: ({ target }) => target.id,
  size: ({ progress }) => progress.length,
  group: () => "progress",
  script: (_, { scripts, metadata }) => scripts.progress(metadata),
  args: ({ target, progress }, operation) => [operation, expectations(target), line("progress", progress)],
  read: (outcome, _, { budget }) => (outcome[0] === "recorded" ? { kind: "recorded" } : refused(outcome, budget)),
};

export const save: Verb<FullJob, SaveReply> = {
  name: "save",
  id: ({ id }) => id,
  size: (job) => job.data.length + (job.result?.length ?? 0),
  enters: ({ status }) => status,
  group: () => "save",
  script: (_, { scripts, metadata }) => scripts.save(metadata),
  args: (job, operation, { shape, metadata }) => {
    const ttl = shape.ttlMs.get(job.status) ?? 0;
    const score = scoreOf(metadata.own.get(job.status)?.code ?? 0, job.statusAt);
    return [operation, ...wholeArgs(job, ttl), score, ttl === 0 ? "" : job.statusAt + ttl, fieldLines(job.fields)];
  },
  read: (outcome, job, { budget }) => {
    if (outcome[0] === "expired") return { kind: "expired" };
    const record = answer(job.id, outcome, "saved", budget);
    if (record === null) return refused(outcome) as Conflict | TooLarge | Unreadable;
    return "kind" in record ? record : { kind: "saved", record };
  },
};

export const remove: Verb<Target, DeleteReply> = {
  name: "remove",
  id: ({ id }) => id,
  size: () => 0,
  group: () => "delete",
  script: (_, { scripts, metadata }) => scripts.delete(metadata),
  args: (target, operation) => [operation, expectations(target)],
  read: (outcome) =>
    outcome[0] === "deleted" ? { kind: "deleted" } : (refused(outcome) as Missing | Conflict | Unreadable),
};

/** The record that a move left behind. Its data did not change, so it comes with the old record. */
function newText(beginning: string, old: string): string {
  return beginning + old.slice(old.indexOf('\n"data":'));
}

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
  const { by } = job.metadata;
  const at = new Date(createdAt);
  const first = { from: null, to: job.status, at, version: 1, ...(by !== undefined && { by }) };
  return {
    id: job.id,
    status: job.status,
    version: 1,
    attempt: 1,
    data: JSON.parse(job.data),
    progress: null,
    result: null,
    error: null,
    createdAt: new Date(createdAt),
    updatedAt: new Date(createdAt),
    statusAt: new Date(createdAt),
    expiresAt: ttlMs === 0 ? null : new Date(createdAt + ttlMs),
    history: historyLimit === 0 ? [] : [first],
  };
}

/** The version and the creation asked for. */
function expectations({ version, createdAt }: Target): string {
  return version === undefined && createdAt === undefined ? "" : `${version ?? ""} ${createdAt ?? ""}`;
}

/** Keeps what is stored of a part. */
const KEEP = "=";

function parts({ progress, result, error }: StatusUpdate): string {
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

/** Their number of values, and two values each. As JSON, because raw text would lose a lone surrogate. */
function messageArgs(messages: readonly OutgoingMessage[]): readonly Argument[] {
  const values = messages.flatMap(({ queue, id, payload, headers }) => [
    id === null ? "" : JSON.stringify(id),
    `{"queue":${JSON.stringify(queue)},"headers":${JSON.stringify(headers)},"payload":${payload}}`,
  ]);
  return [values.length, ...values];
}
