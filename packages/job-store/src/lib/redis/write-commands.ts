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
import { NOT_A_RECORD, readRecord } from "./read-record.js";
import { changeMetadataText, fieldLines, line, newRecordText, recordArgs } from "./record-text.js";
import type { Script } from "./scripts.js";
import type { WriteScripts } from "./write-scripts.js";

/** Result of one call in the reply of a script. The header of the script describes both values under "Replies". */
export type ScriptResult = readonly [kind: string, detail: unknown];

export type Argument = string | number;

/** Values that are needed to interpret the reply to a call. */
export interface ReplyContext {
  /** TTL of the status that the job enters, in milliseconds. */
  readonly ttlMs: number;
  /** True if an earlier attempt of the call may have been applied. */
  readonly indeterminate: boolean;
  readonly historyLimit: number;
}

/** Properties of the store that the arguments of a change depend on. */
export interface WriteContext {
  readonly config: StoreConfig;
  readonly metadata: IndexMetadata;
  readonly scripts: WriteScripts;
}

/** Kind of write: makes the script and its arguments from the input of a call, and the reply of the driver from the result. */
export interface WriteCommand<Input, Reply> {
  readonly name: string;
  readonly id: (input: Input) => string;
  /** Approximate number of characters that the call sends. */
  readonly size: (input: Input) => number;
  /** Status that the job enters. Absent: the job keeps its status. */
  readonly enters?: (input: Input) => string;
  /** Identifies the calls that can share a script. */
  readonly group: (input: Input) => string;
  readonly script: (input: Input, context: WriteContext) => Script;
  /** True if the script needs all values of the call, not only the first ones; see lua/includes/begin-write.lua. */
  readonly isDetailed?: (input: Input) => boolean;
  readonly args: (
    input: Input,
    operation: string,
    context: WriteContext & { readonly detailed: boolean },
  ) => readonly Argument[];
  /** @throws JobStoreError UNAVAILABLE (indeterminate) */
  readonly decode: (result: ScriptResult, input: Input, context: ReplyContext) => Reply;
}

export const create: WriteCommand<NewJob, CreateReply> = {
  name: "create",
  id: (job) => job.id,
  size: (job) => job.data.length + sizeOf(job.outbox),
  enters: (job) => job.status,
  group: () => "create",
  script: (_, { scripts, metadata }) => scripts.create(metadata),
  isDetailed: ({ metadata, fields, outbox, sendHeaders }) =>
    metadata.by !== undefined || fields.size > 0 || outbox.length > 0 || sendHeaders !== undefined,
  args: (job, operation, { config, detailed }) => {
    const text = newRecordText(job, config, operation);
    if (!detailed) return [text];
    return [text, changeMetadataText(job.metadata).slice(1), fieldLines(job.fields), ...messageArgs(job)];
  },
  decode: (result, job, { ttlMs, historyLimit }) => {
    if (result[0] === "created") {
      return { kind: "created", record: newRecord(job, Number(result[1]), ttlMs, historyLimit) };
    }
    if (result[0] !== "exists") return rejectionIn(result) as TooLarge | Unreadable;
    const record = readRecord(job.id, String(result[1]));
    return "kind" in record ? record : { kind: "exists", record };
  },
};

export const updateStatus: WriteCommand<StatusUpdate, UpdateStatusReply> = {
  name: "updateStatus",
  id: ({ target }) => target.id,
  size: ({ result, progress, error, outbox }) => lengthOf(result, progress, error) + sizeOf(outbox),
  enters: (change) => change.to,
  group: ({ to }) => `updateStatus ${to}`,
  script: ({ to }, { scripts, metadata }) => scripts.updateStatus(to, metadata),
  isDetailed: (change) => partLines(change) !== "" || change.outbox.length > 0 || change.sendHeaders !== undefined,
  args: (change, operation, { detailed }) => {
    const [entry, expected] = [`"${operation}"${changeMetadataText(change.metadata)}`, expectations(change.target)];
    return detailed ? [entry, expected, partLines(change), ...messageArgs(change)] : [entry, expected];
  },
  decode: (result, { target }, { indeterminate }) => {
    const [first, second] = result;
    const updated = first.startsWith("{");
    const text = updated ? changedRecordText(first, String(second)) : null;
    const kind = updated || first === "repeated" ? "updated" : "unchanged";
    const record = text === null ? recordIn(target.id, result, "unchanged") : readRecord(target.id, text);
    if (record === null) return rejectionIn(result, indeterminate);
    return "kind" in record ? record : { kind, record };
  },
};

export const updateProgress: WriteCommand<{ readonly target: Target; readonly progress: string }, UpdateProgressReply> =
  {
    name: "updateProgress",
    id: ({ target }) => target.id,
    size: ({ progress }) => progress.length,
    group: () => "updateProgress",
    script: (_, { scripts, metadata }) => scripts.updateProgress(metadata),
    args: ({ target, progress }, operation) => [operation, expectations(target), line("progress", progress)],
    decode: (result, _, { indeterminate }) =>
      result[0] === "recorded" ? { kind: "recorded" } : rejectionIn(result, indeterminate),
  };

export const save: WriteCommand<FullJob, SaveReply> = {
  name: "save",
  id: ({ id }) => id,
  size: ({ data, result, progress, error }) => lengthOf(data, result, progress, error),
  enters: ({ status }) => status,
  group: () => "save",
  script: (_, { scripts, metadata }) => scripts.save(metadata),
  args: (job, operation, { config, metadata }) => {
    const ttl = config.ttlMs.get(job.status) ?? 0;
    const score = scoreOf(metadata.ownCodes.get(job.status)?.code ?? 0, job.statusAt);
    return [operation, ...recordArgs(job, ttl), score, ttl === 0 ? "" : job.statusAt + ttl, fieldLines(job.fields)];
  },
  decode: (result, job) => {
    if (result[0] === "expired") return { kind: "expired" };
    const record = recordIn(job.id, result, "saved");
    if (record === null) return rejectionIn(result) as Conflict | TooLarge | Unreadable;
    return "kind" in record ? record : { kind: "saved", record };
  },
};

export const remove: WriteCommand<Target, DeleteReply> = {
  name: "delete",
  id: ({ id }) => id,
  size: () => 0,
  group: () => "delete",
  script: (_, { scripts, metadata }) => scripts.delete(metadata),
  args: (target, operation) => [operation, expectations(target)],
  decode: (result) =>
    result[0] === "deleted" ? { kind: "deleted" } : (rejectionIn(result) as Missing | Conflict | Unreadable),
};

/** Returns the record after a change of status, from its new beginning and the data of the old record. */
function changedRecordText(beginning: string, old: string): string {
  return beginning + old.slice(old.indexOf('\n"data":'));
}

type Rejection = Missing | Conflict | Illegal | TooLarge | Unreadable;

/**
 * Returns the record in a reply of this kind, or null if the reply has another kind. "repeated": an earlier attempt of the call was
 * applied. The reply to that attempt is known only if the job was not changed since.
 * @throws JobStoreError UNAVAILABLE (indeterminate)
 */
function recordIn(id: string, result: ScriptResult, kind: string): JobRecord | Unreadable | null {
  if (result[0] === kind) return readRecord(id, String(result[1]));
  if (result[0] !== "repeated") return null;
  const [version = "", text = ""] = String(result[1]).split(/ (.*)/s, 2);
  const record = readRecord(id, text);
  if ("kind" in record || record.version === Number(version)) return record;
  throw resultUnknown(`job ${id} has been changed since`);
}

function resultUnknown(event: string): Error {
  return unavailable(`The reply was lost and ${event}, so the result of this call is unknown. Read the job.`, true);
}

/** @throws JobStoreError UNAVAILABLE if an earlier attempt was, or may have been, applied before another call deleted the job */
function rejectionIn([kind, detail]: ScriptResult, indeterminate = false): Rejection {
  switch (kind) {
    case "deletedSince":
      throw resultUnknown("the job has been deleted since");
    case "missing":
      if (indeterminate) throw resultUnknown("the job does not exist any more");
      return { kind };
    case "conflict":
      return { kind, version: Number(detail) };
    case "illegal":
      return { kind, from: JSON.parse(String(detail)) };
    case "tooLarge":
      return { kind, bytes: Number(detail) };
    default:
      return NOT_A_RECORD;
  }
}

/** Returns the record that `create` has written. The server added only the time. */
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

/** Returns the expected version and the expected time of creation. Empty: any. */
function expectations({ version, createdAt }: Target): string {
  return version === undefined && createdAt === undefined ? "" : `${version ?? ""} ${createdAt ?? ""}`;
}

/** Makes the script keep a part of the record. */
const KEEP = "=";

function partLines({ progress, result, error }: StatusUpdate): string {
  if (progress === undefined && result === undefined && error === undefined) return "";
  return [
    progress === undefined ? KEEP : line("progress", progress),
    result === undefined ? KEEP : line("result", result),
    error === undefined ? KEEP : line("error", error),
  ].join("\n");
}

function lengthOf(...texts: readonly (string | null | undefined)[]): number {
  return texts.reduce((length, text) => length + (text?.length ?? 0), 0);
}

function sizeOf(messages: readonly OutgoingMessage[]): number {
  return messages.reduce((size, { payload }) => size + payload.length, 0);
}

/**
 * Returns the headers of the messages of the status, the number of values that follow, and two values for each message of the change.
 * They are JSON, because raw text would lose a lone surrogate.
 */
function messageArgs({ outbox, sendHeaders }: Pick<NewJob, "outbox" | "sendHeaders">): readonly Argument[] {
  const values = outbox.flatMap(({ queue, id, payload, headers }) => [
    id === null ? "" : JSON.stringify(id),
    `{"queue":${JSON.stringify(queue)},"headers":${JSON.stringify(headers)},"payload":${payload}}`,
  ]);
  return [sendHeaders === undefined ? "" : JSON.stringify(sendHeaders), values.length, ...values];
}
