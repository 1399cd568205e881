import type { ClaimRequest, Origin, RequestMessage } from "../driver.js";
import { byteLength } from "../utf8.js";
import type { StoredJob } from "./stored-job.js";

/** Message that is stored with a job, to be sent again. */
export type KeptMessage = Omit<ClaimRequest["message"], "origin">;

/** Index field and value that the jobs of a limit have in common. */
export interface LimitedKey {
  readonly field: string;
  readonly value: string;
}

/** Version of a job, and a time. */
interface Mark {
  readonly version: number;
  readonly at: number;
}

/** State of the work on one run of a job. It is not part of the record. */
export interface WorkState {
  /** Creation time of the job. Together with the attempt, it identifies the run. */
  createdAt: number;
  attempt: number;
  /** Lease. Its end is a time of the reachable clock if a worker owns it, and otherwise of the system's clock. null: none. */
  lease: { readonly until: number; readonly owned: boolean } | null;
  /** True if the latest lease was a worker's and ended at its time. It can be given again, and then does not count as expired. */
  expired: boolean;
  /** Time by the reachable clock at which the latest lease ended. 0: none ended. */
  leaseEndedAt: number;
  /** Latest claim. null: none. */
  claim: (Mark & ClaimFacts) | null;
  /** Key for which the lease of the latest claim counts. null: it does not count. */
  limited: LimitedKey | null;
  /** Message of the latest claim. It is sent again each time a lease ends. null: none. */
  stored: KeptMessage | null;
  /** Newest message of each queue that arrived during a lease and that the claim does not cover. */
  remembered: readonly KeptMessage[];
  /** By queue: the latest claim whose outcome was stored. */
  readonly handled: Map<string, Mark>;
  /** By queue: the newest stored message, with the time at which it is due. */
  readonly newestMessage: Map<string, Mark>;
  /** By queue: the latest claim. */
  readonly newestClaim: Map<string, Mark>;
  /** Latest messages without an origin of this job, with the version at which they count as stored. */
  seen: readonly { readonly id: string; readonly version: number }[];
  /** Failed attempts since the job entered its status from another one. */
  failedAttempts: number;
  /** Leases of workers that ended at their time since the latest change other than a claim. */
  expiredLeases: number;
}

/** Facts of a claim that a repeated call needs, or that decide which messages it covers. */
interface ClaimFacts {
  readonly key: string;
  readonly queue: string;
  readonly messageId: string;
  readonly failedAttempts: number;
  readonly expiredLeases: number;
}

/** Number of queues in each table of a state. The newest are kept. */
const MAX_QUEUES = 16;
const MAX_SEEN = 8;
/** Maximum size of the messages of one job, in bytes. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export function newState({ createdAt, attempt }: Pick<StoredJob, "createdAt" | "attempt">): WorkState {
  return {
    createdAt,
    attempt,
    lease: null,
    expired: false,
    leaseEndedAt: 0,
    claim: null,
    limited: null,
    stored: null,
    remembered: [],
    handled: new Map(),
    newestMessage: new Map(),
    newestClaim: new Map(),
    seen: [],
    failedAttempts: 0,
    expiredLeases: 0,
  };
}

/** Sets the mark of a queue, and removes the oldest marks above the limit. */
export function setMark(marks: Map<string, Mark>, queue: string, mark: Mark): void {
  marks.delete(queue);
  marks.set(queue, mark);
  const [oldest] = marks.keys();
  if (oldest !== undefined && marks.size > MAX_QUEUES) marks.delete(oldest);
}

/** Returns the origin of a message. A known message without one counts as stored at the version at which it was seen. */
export function originFor(state: WorkState, { id, origin }: RequestMessage): Origin | null {
  if (origin !== null) return origin;
  const seen = state.seen.find((other) => other.id === id);
  if (seen === undefined) return null;
  return { createdAt: state.createdAt, attempt: state.attempt, version: seen.version, dueAt: 0 };
}

/** Returns the key of the job for a limit. null: the claim has no limit, or the job has no value in the field. */
export function limitedKey({ fields }: StoredJob, limit: ClaimRequest["limit"]): LimitedKey | null {
  const value = limit === undefined ? undefined : fields.get(limit.field);
  return limit === undefined || value === undefined ? null : { field: limit.field, value };
}

/** Decides if a message cannot be worked on, whether or not the job has a lease. null: it can. */
export function refusal(
  job: StoredJob,
  state: WorkState,
  queue: string,
  { origin, statuses }: { readonly origin: Origin | null; readonly statuses: readonly string[] },
): "outdated" | "handled" | "moved" | null {
  if (origin !== null) {
    if (origin.createdAt !== job.createdAt || origin.attempt !== job.attempt) return "outdated";
    const mark = state.handled.get(queue);
    if (mark !== undefined && origin.version <= mark.version && origin.dueAt <= mark.at) return "handled";
  }
  return statuses.includes(job.status) ? null : "moved";
}

/** Returns true if the claim that got the lease also answers this message. */
export function covers({ claim }: WorkState, { queue, id }: RequestMessage, origin: Origin | null): boolean {
  if (claim === null || claim.queue !== queue) return false;
  if (claim.messageId === id) return true;
  return origin !== null && origin.version <= claim.version && origin.dueAt <= claim.at;
}

/**
 * Returns the version in the origin of a message that waits for a place. The worker of the latest claim can still store its outcome. Until then,
 * a message that this claim answers gets its version, and any other message the next version.
 */
export function waitingVersion({ version }: StoredJob, state: WorkState, message: RequestMessage): number {
  const isAnswered = state.claim?.version === version && covers(state, message, originFor(state, message));
  return isAnswered ? version : version + 1;
}

/** Returns true if the queue claimed the job, or another message was stored, after this message was stored and due. */
export function hasNewerRequest(state: WorkState, queue: string, { version, dueAt }: Origin): boolean {
  const claim = state.newestClaim.get(queue);
  if (claim !== undefined && version < claim.version && dueAt <= claim.at) return true;
  const newest = state.newestMessage.get(queue);
  if (newest === undefined || newest.version <= version) return false;
  return dueAt <= newest.at || newest.version > (claim?.version ?? 0);
}

/** Keeps a message that arrived during a lease, in place of an earlier one of its queue. */
export function remember(state: WorkState, message: ClaimRequest["message"], version: number): void {
  state.remembered = [...state.remembered.filter(({ queue }) => queue !== message.queue), kept(message)];
  see(state, message, version);
  limitMessages(state);
}

/** Stores the message of a claim, and forgets the remembered one that the claim answers. */
export function storeMessage(state: WorkState, message: ClaimRequest["message"], version: number): void {
  state.stored = kept(message);
  state.remembered = state.remembered.filter(({ queue }) => queue !== message.queue);
  see(state, message, version);
  limitMessages(state);
}

/** Ends the work on a run: it is in a final status. */
export function finish(state: WorkState): void {
  state.claim = null;
  state.remembered = [];
  state.newestMessage.clear();
  state.newestClaim.clear();
}

/** Records the id of a message without an origin, so that a copy of it is recognized. */
export function see(state: WorkState, { id, origin }: RequestMessage, version: number): void {
  if (origin !== null) return;
  state.seen = [...state.seen.filter((other) => other.id !== id), { id, version }].slice(-MAX_SEEN);
}

function kept({ queue, id, payload, headers }: ClaimRequest["message"]): KeptMessage {
  return { queue, id, payload, headers };
}

/** Forgets the oldest remembered messages until the messages of the job are within the limit. */
function limitMessages(state: WorkState): void {
  const size = ({ payload, headers }: KeptMessage) => byteLength(payload) + byteLength(JSON.stringify(headers));
  let bytes = state.stored === null ? 0 : size(state.stored);
  for (const message of state.remembered) bytes += size(message);
  while (bytes > MAX_MESSAGE_BYTES) {
    const [oldest, ...others] = state.remembered;
    if (oldest === undefined) return;
    bytes -= size(oldest);
    state.remembered = others;
  }
}
