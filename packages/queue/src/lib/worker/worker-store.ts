import type {
  AnnouncedWorker,
  FailRequestResult,
  Job,
  JobDefinition,
  JobFailure,
  JobStore,
  KeyLimit,
  OutboxMessage,
  WorkerOperations,
} from "@subtitles/job-store";

/** Job of any definition. */
export type AnyJob = Job<JobDefinition>;

/** Property of a change whose caller does not read the changed job. A registered symbol, as for errors. */
export const WITHOUT_JOB: unique symbol = Symbol.for("@subtitles/job-store/without-job");

/** Change that a worker makes to a job. */
export interface WorkerChange {
  readonly [WITHOUT_JOB]?: true;
  readonly result?: unknown;
  readonly error?: JobFailure | undefined;
  readonly progress?: unknown;
  readonly note?: string | undefined;
  readonly outbox?: readonly OutboxMessage[] | undefined;
  readonly by?: string | undefined;
  readonly key?: string | undefined;
  readonly handled?: true | undefined;
  readonly leaseMs?: number | undefined;
  readonly failedAttempt?: true | undefined;
}

/** Message as a worker passes it to the store. */
export interface RequestingMessage {
  readonly queue: string;
  readonly id: string;
  readonly origin?: string | undefined;
}

/** Options of `claim`. */
export interface ClaimOptions {
  readonly from: readonly string[];
  readonly leaseMs: number;
  readonly key: string;
  readonly message: RequestingMessage & {
    readonly payload: unknown;
    readonly headers?: Readonly<Record<string, string>> | undefined;
  };
  readonly ifVersion?: number | undefined;
  readonly limit?: KeyLimit | undefined;
  readonly by?: string | undefined;
}

/** Answer of `claim` that grants the job. */
export interface Claimed {
  readonly kind: "claimed";
  readonly job: AnyJob;
  readonly failedAttempts: number;
  readonly expiredLeases: number;
  readonly origin: string;
}

/** Pause as a claim answers it. */
export interface PauseAnswer {
  readonly until: Date | null;
  readonly reason: string | null;
}

/** Worker as it announces itself. */
export type Announcement = Omit<AnnouncedWorker<JobDefinition>, "from" | "working"> & {
  readonly from: readonly string[];
  readonly working: string;
};

/** Calls of a job store that a worker makes. In contrast to `JobStore`, the types do not depend on the definition. */
export interface WorkerStore extends Pick<WorkerOperations<JobDefinition>, "pauseQueue" | "pausedQueues"> {
  readonly definition: JobDefinition;
  get(id: string): Promise<AnyJob | null>;
  claim(
    id: string,
    to: string,
    options: ClaimOptions,
  ): Promise<
    | Claimed
    | ({ readonly kind: "paused" } & PauseAnswer)
    | { readonly kind: "missing" | "outdated" | "handled" | "moved" | "leased" | "changed" | "limited" }
  >;
  updateStatus(job: AnyJob, to: string, change: WorkerChange): Promise<unknown>;
  updateProgress(job: AnyJob, progress: unknown): Promise<void>;
  failRequest(
    id: string,
    to: string,
    options: {
      readonly from: readonly string[];
      readonly working: string;
      readonly message: RequestingMessage;
      readonly error: JobFailure;
      readonly by?: string | undefined;
    },
  ): Promise<FailRequestResult<JobDefinition>>;
  renewLeases(jobs: readonly AnyJob[], leaseMs: number): Promise<readonly boolean[]>;
  announceWorker(
    worker: Announcement,
    jobs: readonly AnyJob[],
    leaseMs: number,
  ): Promise<{ readonly renewed: readonly boolean[]; readonly paused: PauseAnswer | null }>;
}

/** Returns the store with types that do not depend on the definition. `createWorker` has checked the statuses by then. */
export function toWorkerStore<D extends JobDefinition>(store: JobStore<D>): WorkerStore {
  // The compiler cannot relate conditional types of an unknown definition to `string`.
  return store as unknown as WorkerStore;
}
