import type {
  ClaimReply,
  ClaimRequest,
  Conflict,
  CreateReply,
  DeleteReply,
  FailRequest,
  FailRequestReply,
  FullJob,
  Illegal,
  JobRecord,
  JobRequest,
  Missing,
  NewJob,
  RequestReply,
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
import { readPause } from "./pause-text.js";
import { readRecord, unreadableFrom } from "./read-record.js";
import { changeMetadataText, fieldLines, line, newRecordText, recordArgs, statusLines } from "./record-text.js";
import type { Script } from "./scripts.js";
import {
  type Argument,
  changedParts,
  changeOptions,
  entryText,
  expectations,
  headersArg,
  lengthOf,
  messageArgs,
  messageText,
  messageValues,
  originArg,
  sharedByClaims,
  sizeOf,
} from "./write-arguments.js";
import type { WorkRules, WriteScripts } from "./write-scripts.js";

/** Result of one call in the reply of a script. The header of the script describes both values under "Replies". */
export type ScriptResult = readonly [kind: string, detail: unknown];

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
  /** Identifies the calls that can share a script and the shared arguments. */
  readonly group: (input: Input) => string;
  /** Arguments that the calls of a batch have in common. They precede the values of the calls. Absent: none. */
  readonly shared?: (input: Input) => readonly Argument[];
  readonly script: (input: Input, context: WriteContext) => Script;
  /** True if the script needs all values of the call, not only the first ones; see lua/includes/begin-write.lua. */
  readonly isDetailed?: (input: Input) => boolean;
  /** Flags of the keys that the script needs for the call, as lua/includes/begin-write.lua describes them. Absent: none. */
  readonly keys?: (input: Input) => string;
  /** True if the script may need the work state of the job; see lua/includes/work-state.lua. */
  readonly usesWork?: (input: Input, rules: WorkRules) => boolean;
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
  keys: keysOfMessages,
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
    return replyWith("exists", readRecord(job.id, String(result[1])));
  },
};

export const request: WriteCommand<JobRequest, RequestReply> = {
  name: "request",
  id: (job) => job.id,
  size: (job) => job.data.length + sizeOf(job.outbox),
  enters: (job) => job.status,
  group: () => "request",
  script: (_, { scripts, metadata }) => scripts.request(metadata),
  isDetailed: () => true,
  keys: keysOfMessages,
  usesWork: ({ status, outbox }, { anyLeases, afterLease, sends }) =>
    afterLease.has(status) || (anyLeases && (outbox.length > 0 || sends.has(status))),
  args: (job, operation, { config }) => {
    const values = messageValues(job);
    return [
      ...[newRecordText(job, config, operation), changeMetadataText(job.metadata).slice(1), fieldLines(job.fields)],
      ...[statusLines(job.retryFrom), entryText(operation, job.metadata), "", "", `n${values.length}`, ...values],
    ];
  },
  decode: (result, job, { ttlMs, indeterminate, historyLimit }) => {
    const [first, second] = result;
    if (first === "created") {
      return { kind: "created", record: newRecord(job, Number(second), ttlMs, historyLimit) };
    }
    if (first === "exists") return replyWith("exists", readRecord(job.id, String(second)));
    const record = recordIn(job.id, result, "retried");
    if (record === null) return rejectionIn(result, indeterminate) as TooLarge | Unreadable;
    return replyWith("retried", record);
  },
};

export const updateStatus: WriteCommand<StatusUpdate, UpdateStatusReply> = {
  name: "updateStatus",
  id: ({ target }) => target.id,
  size: ({ result, progress, error, outbox }) => lengthOf(result, progress, error) + sizeOf(outbox),
  enters: (change) => change.to,
  group: ({ to }) => `updateStatus ${to}`,
  script: ({ to }, { scripts, metadata }) => scripts.updateStatus(to, metadata),
  isDetailed: (change) =>
    changedParts(change) !== "" ||
    changeOptions(change) !== "" ||
    change.outbox.length > 0 ||
    change.sendHeaders !== undefined,
  keys: keysOfMessages,
  usesWork: ({ target, to, metadata, outbox, handled }, { anyLeases, afterLease, unleased, sends, keepsKeys }) => {
    const { key } = metadata;
    if (keepsKeys && key !== undefined) return true;
    if (anyLeases && (outbox.length > 0 || handled === true || sends.has(to))) return true;
    // A call whose key is known returns the stored job, in any status.
    return afterLease.has(to) && !(key === undefined && target.status !== undefined && unleased.has(target.status));
  },
  args: (change, operation, { detailed }) => {
    const [entry, expected] = [entryText(operation, change.metadata), expectations(change.target)];
    if (!detailed) return [entry, expected];
    const values = change.outbox.length > 0 || change.sendHeaders !== undefined ? messageValues(change) : [];
    const count = values.length === 0 ? "" : `n${values.length}`;
    return [entry, expected, changedParts(change), changeOptions(change) + count, ...values];
  },
  decode: (result, { target, leaseMs }, { indeterminate }) => {
    const [first, second] = result;
    if (first === "noMessage" || first === "stored") return { kind: first };
    if (first.startsWith("{")) {
      const record = readRecord(target.id, changedRecordText(first, String(second)));
      if ("kind" in record || leaseMs === undefined) return replyWith("updated", record);
      return replyWith("updated", { ...record, leasedUntil: new Date(record.statusAt.getTime() + leaseMs) });
    }
    const record = recordIn(target.id, result, first === "unchanged" ? "unchanged" : "made");
    if (record === null) return rejectionIn(result, indeterminate);
    return replyWith(first === "unchanged" ? "unchanged" : "updated", record);
  },
};

/** First value of a result of lua/write/claim.lua. */
const CLAIMED = /^claimed (\d+) (\d+) (\d+)\n(.*)$/s;

export const claim: WriteCommand<ClaimRequest, ClaimReply> = {
  name: "claim",
  id: ({ id }) => id,
  size: ({ message }) => message.payload.length,
  enters: ({ to }) => to,
  group: (request) => `claim ${request.to} ${sharedByClaims(request).join(" ")}`,
  shared: sharedByClaims,
  script: ({ to }, { scripts, metadata }) => scripts.claim(to, metadata),
  keys: ({ limit }) => (limit === undefined ? "c" : "cl"),
  usesWork: () => true,
  args: ({ to, metadata, key, ifVersion, message, sendHeaders }, operation, { config }) => [
    entryText(operation, { by: metadata.by, note: metadata.note, key }),
    ifVersion ?? "",
    originArg(message.origin),
    `${JSON.stringify(message.id)}\n${messageText(message)}`,
    ...(config.sends.has(to) ? [headersArg(sendHeaders)] : []),
  ],
  decode: (result, { id, leaseMs }) => {
    const [kind, detail] = result;
    switch (kind) {
      case "outdated":
      case "handled":
      case "moved":
      case "leased":
      case "changed":
      case "limited":
      case "missing":
        return { kind };
      case "unreadable":
        return unreadableFrom(String(detail));
      case "paused": {
        const { until, reason } = readPause(String(detail));
        return { kind, until, reason };
      }
    }
    // Without a beginning, the claim was made before.
    const [, until, failedAttempts, expiredLeases, beginning] = CLAIMED.exec(kind) ?? [null, null, 0, 0, kind];
    const text = String(detail);
    const record = readRecord(id, beginning === "" ? text : changedRecordText(beginning, text));
    if ("kind" in record) return record;
    return {
      kind: "claimed",
      record: {
        ...record,
        leasedUntil: new Date(until === null ? record.statusAt.getTime() + leaseMs : Number(until)),
      },
      failedAttempts: Number(failedAttempts),
      expiredLeases: Number(expiredLeases),
    };
  },
};

export const failRequest: WriteCommand<FailRequest, FailRequestReply> = {
  name: "failRequest",
  id: ({ id }) => id,
  size: ({ error }) => error.length,
  enters: ({ to }) => to,
  group: ({ to }) => `failRequest ${to}`,
  script: ({ to }, { scripts, metadata }) => scripts.failRequest(to, metadata),
  usesWork: () => true,
  args: ({ metadata, from, working, message, error, sendHeaders }, operation) => [
    ...[entryText(operation, metadata), statusLines(from), JSON.stringify(working), JSON.stringify(message.queue)],
    ...[originArg(message.origin), changedParts({ error })],
    entryText(operation, { by: metadata.by }),
    headersArg(sendHeaders),
  ],
  decode: (result, { id }, { indeterminate }) => {
    const [kind] = result;
    switch (kind) {
      case "outdated":
      case "handled":
      case "moved":
      case "leased":
        return { kind };
    }
    const record = recordIn(id, result, "failed");
    if (record === null) return rejectionIn(result, indeterminate) as Missing | Unreadable;
    return replyWith("failed", record);
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
  usesWork: (_, { anyLeases }) => anyLeases,
  args: (job, operation, { config, metadata }) => {
    const ttl = config.ttlMs.get(job.status) ?? 0;
    const score = scoreOf(metadata.ownCodes.get(job.status)?.code ?? 0, job.statusAt);
    return [operation, ...recordArgs(job, ttl), score, ttl === 0 ? "" : job.statusAt + ttl, fieldLines(job.fields)];
  },
  decode: (result, job) => {
    if (result[0] === "expired") return { kind: "expired" };
    const record = recordIn(job.id, result, "saved");
    if (record === null) return rejectionIn(result) as Conflict | TooLarge | Unreadable;
    return replyWith("saved", record);
  },
};

export const remove: WriteCommand<Target, DeleteReply> = {
  name: "delete",
  id: ({ id }) => id,
  size: () => 0,
  group: () => "delete",
  script: (_, { scripts, metadata }) => scripts.delete(metadata),
  keys: () => "t",
  usesWork: () => true,
  args: (target, operation) => [operation, expectations(target)],
  decode: (result) =>
    result[0] === "deleted" ? { kind: "deleted" } : (rejectionIn(result) as Missing | Conflict | Unreadable),
};

/** Returns the flags of the keys that store the messages of a call. */
function keysOfMessages({ outbox }: Pick<NewJob, "outbox">): string {
  return outbox.length > 0 ? "os" : "";
}

/** Returns a reply of this kind with the record, or the reason why the record cannot be read. */
function replyWith<K extends string>(kind: K, record: JobRecord | Unreadable) {
  return "kind" in record ? record : { kind, record };
}

/** Returns the record after a change of status, from its new beginning and the data of the old record. Without that, it is whole. */
function changedRecordText(beginning: string, old: string): string {
  return old === "" ? beginning : beginning + old.slice(old.indexOf('\n"data":'));
}

type Rejection = Missing | Conflict | Illegal | TooLarge | Unreadable;

/**
 * Returns the record in a reply of this kind, or in one that begins with the record itself. null: the reply has another kind. "repeated":
 * an earlier attempt of the call was applied. The reply to that attempt is known only if the job was not changed since. The end of a lease
 * follows the kind after a space.
 * @throws JobStoreError UNAVAILABLE (indeterminate)
 */
function recordIn(id: string, [first, detail]: ScriptResult, kind: string): JobRecord | Unreadable | null {
  if (first.startsWith("{")) return readRecord(id, changedRecordText(first, String(detail)));
  const [given, until] = first.split(" ");
  if (given !== kind && given !== "repeated") return null;
  const [version = "", text = ""] = given === kind ? ["", String(detail)] : String(detail).split(/ (.*)/s, 2);
  const record = readRecord(id, text);
  if ("kind" in record) return record;
  if (given === "repeated" && record.version !== Number(version))
    throw resultUnknown(`job ${id} has been changed since`);
  return until === undefined ? record : { ...record, leasedUntil: new Date(Number(until)) };
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
      return unreadableFrom(String(detail));
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
    leasedUntil: null,
    history: historyLimit === 0 ? [] : [first],
  };
}
