/** Number of seconds since the start of the schedule, by the clock of the servers. */
export type Seconds = number;

export type Status = "pending" | "working" | "waiting" | "encodable" | "encoding" | "done" | "failed";

/** Lifecycle of the jobs of one store. */
export interface Lifecycle {
  readonly next: Readonly<Record<Status, readonly Status[]>>;
  /** Message that the store sends when a job enters a final status, for example to the parent job of another store. */
  readonly sendsWhenFinal?: { readonly queue: string; readonly store: string; readonly jobId: string } | undefined;
  /** Time limit of every status that is not final. */
  readonly timeout?: Seconds | undefined;
}

export function isFinal(status: Status): boolean {
  return status === "done" || status === "failed";
}

/** Version of a job that a message belongs to: the change that stored the message made it. */
export interface Origin {
  readonly store: string;
  readonly jobId: string;
  readonly creation: number;
  readonly attempt: number;
  readonly version: number;
  /** Time at which a delayed message is due. 0: not delayed. */
  readonly due: Seconds;
}

/** Request to look at a job. Plain data, so that a failover can restore it. */
export interface Message {
  /** Short name for traces: the job and version that stored it, or `X1`, `X2` … for a message that a user published. */
  readonly name: string;
  readonly id: string;
  readonly queue: string;
  /** Store and job that the payload names. */
  readonly store: string;
  readonly jobId: string;
  readonly origin: Origin | null;
  readonly unreadable: boolean;
  /** Request in the ledger. Copies have the number of the original. */
  readonly request: number;
}

/** Message that a change adds to the outbox. */
export interface NewMessage {
  readonly queue: string;
  /** Job that the message names. @default the job that the change belongs to */
  readonly jobId?: string | undefined;
  readonly store?: string | undefined;
  readonly delay?: Seconds | undefined;
  readonly unreadable?: boolean | undefined;
}

export interface OutboxEntry {
  readonly message: Message;
  readonly due: Seconds;
}

/** Limited time for which a job is not claimed. */
export interface Lease {
  /** End: by the clock of reachable time if a worker owns the lease, otherwise by the clock of the server. */
  readonly until: Seconds;
  /** True if a worker runs the job; false for a retry and a postponed job. */
  readonly owned: boolean;
}

/** Message of a job above the limit. */
export interface Place {
  readonly message: Message;
  /** Number that orders the messages. */
  readonly arrival: number;
  /** Run and version that its origin will have. */
  readonly attempt: number;
  readonly version: number;
  /** Time until which the message, which was sent, holds a place. null: it waits. */
  readonly heldUntil: Seconds | null;
}

/** Facts of the latest claim of a job. */
export interface ClaimNote {
  readonly key: string;
  readonly queue: string;
  readonly messageId: string;
  readonly hadOrigin: boolean;
  readonly version: number;
  readonly at: Seconds;
}

/** Job that `claim` returned: the snapshot with which its worker calls the store. */
export interface ClaimedJob {
  readonly store: string;
  readonly id: string;
  readonly creation: number;
  readonly createdAt: number;
  readonly attempt: number;
  readonly version: number;
  readonly status: Status;
  readonly key: string;
}

/** Record of a job in the store. */
export interface JobRecord {
  readonly id: string;
  readonly creation: number;
  readonly createdAt: number;
  attempt: number;
  version: number;
  status: Status;
  /** Time on the clock of reachable time at which the job entered its status. */
  enteredAt: Seconds;

  lease: Lease | null;
  /** Time on the clock of reachable time at which the latest lease ended. */
  leaseEndedAt: Seconds;
  /** Version whose lease was ended with 0. 0: none. */
  endedVersion: number;
  claim: ClaimNote | null;
  /** Answer to a repeated call of the latest claim. */
  claimAnswer: Claimed | null;
  /** Message of the latest claim. It is sent again each time a lease ends. */
  stored: Message | null;
  /** True if the next read of the outbox sends the stored message again. */
  sendAgain: boolean;

  /** Newest message of each queue that arrived during a lease and that the claim does not cover. */
  remembered: readonly Message[];
  /** Latest claim of each queue whose outcome was stored. */
  handled: Record<string, { readonly version: number; readonly at: Seconds }>;
  /** Last eight messages without an origin for this job, with the version at which they count as stored. */
  seen: readonly { readonly id: string; readonly version: number }[];
  /** Newest message of each queue: its version, and the time at which it is or was due. */
  newestMessage: Record<string, { readonly version: number; due: Seconds } | undefined>;
  newestClaim: Record<string, { readonly version: number; readonly at: Seconds }>;
  /** Keys of the latest changes. A change without a key counts, too. */
  keys: readonly (string | null)[];
  /** True if the job takes a place of the store's limit. */
  counted: boolean;
  /** Newest message of each queue that waits for a place, or was sent. */
  places: readonly Place[];
  failedAttempts: number;
  expiredLeases: number;
  /** True if the latest end of a lease was counted as expired. */
  expiryCounted: boolean;

  /** Facts that only the invariants read. They are part of the record so that a failover restores them with it. */
  facts: RunFacts;
}

/** Facts about the present run of a job. */
export interface RunFacts {
  /** Errors since the job entered its status. */
  errors: number;
  /** Workers that were lost since the latest change other than a claim. */
  losses: number;
  /** True if a worker's lease ended at its time and was not given again. Counts as a loss at the next claim. */
  leaseLost: boolean;
  /** Version whose lease its worker ended while it closed. */
  closedVersion: number;
  /** Number of times that this run entered a final status. */
  finals: number;
  /** Step of the latest claim of each queue whose outcome was stored. */
  servedAt: Record<string, number>;
  claimedAtStep: number;
  /** Step of the latest claim of each queue. */
  claimedAt: Record<string, number>;
  /** Time before which a retry or a postponed job must not start. 0: none. */
  notBefore: Seconds;
  /** End of the latest lease of a worker that was found to be over. */
  overSince: Seconds;
  /** Keys of the last four changes, kept without any rule. */
  lastKeys: readonly (string | null)[];
  /** True if a user moved the job without a message, so only its lost worker continues it. */
  needsLostWorker: boolean;
  /** True if the specification does not promise that this job ends. */
  excused: boolean;
  /** True if the present lease was given again after it had ended at its time. It may exceed a limit. */
  givenAgain: boolean;
}

export interface Claimed {
  readonly kind: "claimed";
  readonly job: ClaimedJob;
  /** Status before the claim. */
  readonly was: Status;
  readonly failedAttempts: number;
  readonly expiredLeases: number;
}

export type Refusal = "missing" | "outdated" | "handled" | "moved" | "leased" | "changed" | "limited";
export type ClaimReply = Claimed | { readonly kind: Refusal };
export type ChangeReply = "ok" | "missing" | "conflict" | "refused";

/** Change of a job. */
export interface Change {
  readonly to: Status;
  readonly key?: string | undefined;
  readonly outbox?: readonly NewMessage[] | undefined;
  readonly handled?: boolean | undefined;
  readonly lease?: Seconds | undefined;
  readonly failedAttempt?: boolean | undefined;
  /** Reason of the change, for the invariants. */
  readonly reason?: "RETRIES_EXHAUSTED" | "WORKER_LOST" | undefined;
}

/** Constants of the protocol, in seconds. Limits are smaller than in production, so that schedules reach them. */
export const HEARTBEAT: Seconds = 3;
export const LEASE: Seconds = 5 * HEARTBEAT;
export const LONGEST_COUNTED_GAP: Seconds = 5;
export const CONTACT_EVERY: Seconds = 2;
export const RETRY_DELAYS: readonly Seconds[] = [6, 12];
export const LOST_WORKERS = 2;
export const REMEMBERED_IDS = 8;
/** Time for which a sent message holds its place, and time between two checks of the messages that wait. */
export const HOLD: Seconds = 10;
export const CHECK_EVERY: Seconds = 20;
