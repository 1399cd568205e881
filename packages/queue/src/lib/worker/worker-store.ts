import type {
  AnnouncedWorker,
  Change,
  ClaimOptions,
  ClaimResult,
  FailRequestOptions,
  FailRequestResult,
  Job,
  JobDefinition,
  JobStore,
  PausedQueue,
  WorkerOperations,
} from "@subtitles/job-store";

/** Job of any definition. */
export type AnyJob = Job<JobDefinition>;

// Properties of a store that are not public. Their keys are registered symbols, so that every copy of the packages finds them.
/** Property of a change whose caller does not read the changed job. */
export const WITHOUT_JOB: unique symbol = Symbol.for("@subtitles/job-store/without-job");
/** Property with the function that adds a listener for events. */
const EVENTS = Symbol.for("@subtitles/job-store/events");
/** Property of a sharded store. */
const SHARDED = Symbol.for("@subtitles/job-store/sharded");

/** Change that a worker makes to a job. */
export type WorkerChange = Change<JobDefinition> & { readonly [WITHOUT_JOB]?: true };

/** Answer of `claim` that grants the job. */
export type Claimed = Extract<ClaimResult<JobDefinition>, { readonly kind: "claimed" }>;

/** Pause as a claim answers it. */
export type PauseAnswer = Pick<PausedQueue, "until" | "reason">;

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
    options: Omit<ClaimOptions<JobDefinition>, "from"> & { readonly from: readonly string[] },
  ): Promise<ClaimResult<JobDefinition>>;
  updateStatus(job: AnyJob, to: string, change: WorkerChange): Promise<unknown>;
  updateProgress(job: AnyJob, progress: unknown): Promise<void>;
  failRequest(
    id: string,
    to: string,
    options: Omit<FailRequestOptions<JobDefinition>, "from" | "working"> & {
      readonly from: readonly string[];
      readonly working: string;
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

/** Calls `listener` with the type of each event of a store. Returns a function that removes it. */
export function watchStore(store: object, listener: (type: string) => void): () => void {
  if (!(EVENTS in store) || typeof store[EVENTS] !== "function") return () => {};
  const remove: unknown = store[EVENTS]((event: { readonly type: string }) => listener(event.type));
  return typeof remove === "function" ? () => remove() : () => {};
}

/** Returns true if the jobs of a store are in several shards. */
export function isSharded(store: object): boolean {
  return SHARDED in store;
}
