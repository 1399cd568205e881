// Messages between the page of the dashboard and its handler. Both import these types.
//
// The handler ignores the path of a request, so that one build works under every path and behind every proxy. The query selects the
// answer: no query returns the document, `?asset=<name>` a file of the page, and `POST ?call=<name>` with a JSON body calls the handler.
// Arguments are in the body, not in the URL, so that ids and field values do not appear in the logs of proxies.
//
// Times are ISO 8601 texts in UTC. `now` is the clock of the server: the page computes durations from it, not from its own clock.

/** Calls by name: body and reply. `watch` replies with lines of JSON (`WatchLine`), and `value` with the value itself. */
export interface Calls {
  /** Describes the dashboard: its title, its stores, and the actions that the user may perform. */
  readonly open: { readonly body: Record<never, never>; readonly reply: DashboardInfo };
  /** Counts, plots and warnings of a store. */
  readonly overview: { readonly body: InStore; readonly reply: Overview };
  /** Ending of the newest job in each final status. A status without jobs is absent. */
  readonly endings: { readonly body: InStore; readonly reply: Readonly<Record<string, Ending>> };
  /** Durations of the last 200 jobs that ended. */
  readonly durations: { readonly body: InStore; readonly reply: Durations };
  /** Page of jobs. */
  readonly jobs: { readonly body: InStore & JobsQuery; readonly reply: JobsPage };
  /** One job with its timeline, messages and explanation. null: it does not exist. */
  readonly job: { readonly body: InStore & { readonly id: string }; readonly reply: JobView | null };
  /** Number of jobs in each status that have this value in this field. */
  readonly counts: {
    readonly body: InStore & { readonly where: Where };
    readonly reply: Readonly<Record<string, number>>;
  };
  /** Live workers and paused queues. */
  readonly workers: { readonly body: InStore; readonly reply: WorkersView };
  /** Page of the outbox. */
  readonly outbox: {
    readonly body: InStore & { readonly kind: OutboxKind; readonly cursor?: string | undefined };
    readonly reply: OutboxPage;
  };
  /** Queues of the broker. */
  readonly queues: { readonly body: InStore; readonly reply: QueuesView };
  /** Oldest dead letters of a queue. */
  readonly letters: { readonly body: InStore & { readonly queue: string }; readonly reply: LettersView };
  /**
   * Performs an action. `requestId` has 8 to 64 characters of A–Z a–z 0–9 . _ - A repeated call with the same one acts once. A call with the
   * same one for another action is refused.
   */
  readonly act: {
    readonly body: InStore & { readonly requestId: string; readonly act: Action };
    readonly reply: ActionReply;
  };
}

/** Names of the calls that reply with one JSON value. */
export type CallName = keyof Calls;

/** Body of a call that replies with a whole value, for a download. */
export interface ValueBody extends InStore {
  readonly id: string;
  readonly part: ValuePart;
}

/** Part of a job whose value can be downloaded. */
export type ValuePart = "data" | "result" | "progress";

/**
 * Line of the reply to `watch`, at most two per second. The first one has `changed: null`. If nothing changes, an empty line is sent every 15
 * seconds. The reply ends after ten minutes, and when the store or the dashboard closes: the page then calls again. At most 1,000 pages of one
 * process get the lines of a store. Further ones get UNAVAILABLE, and call again later.
 */
export interface WatchLine {
  /** Ids of the jobs that changed since the previous line. null: more than 500, or events were lost. */
  readonly changed: readonly string[] | null;
  /** Number of jobs in each status. */
  readonly counts: Readonly<Record<string, number>>;
  readonly now: string;
}

/** Reply with an HTTP status of 400 or above. */
export interface ErrorReply {
  readonly error: {
    /** Code of a JobStoreError or a QueueError, or FORBIDDEN, UNAUTHORIZED, READ_ONLY, INTERNAL. */
    readonly code: string;
    /** Sentence that says what happened and what to do. */
    readonly message: string;
    /** True: the change may have been made. */
    readonly indeterminate?: true;
  };
}

export interface InStore {
  /** Key of the store in the options of the dashboard. */
  readonly store: string;
}

export interface DashboardInfo {
  readonly title: string;
  /** Accent, to distinguish production from test. null: the default. */
  readonly color: "red" | "amber" | "green" | "blue" | "violet" | "gray" | null;
  readonly stores: readonly StoreInfo[];
}

export interface StoreInfo {
  readonly key: string;
  /** Name of the definition. */
  readonly name: string;
  /** Statuses in the order of the definition. */
  readonly statuses: readonly StatusInfo[];
  /** Index fields that jobs can be found by. */
  readonly fields: readonly string[];
  /** False: no lifecycle is recorded, so jobs cannot be changed. */
  readonly lifecycle: boolean;
  /** Actions that this user may perform. Empty in read-only mode. */
  readonly actions: readonly ActionName[];
  readonly readOnly: boolean;
  /** True if the dashboard has a broker for this store. */
  readonly broker: boolean;
  /** Reason if the store cannot be opened now. Its name, statuses, fields and actions are then empty. */
  readonly error: string | null;
}

export interface StatusInfo {
  readonly name: string;
  readonly initial: boolean;
  readonly final: boolean;
  readonly next: readonly string[];
  /** Statuses that a retry of a final status can lead to: those in `next`. Empty for other statuses. */
  readonly retryTo: readonly string[];
  readonly timeoutSeconds: number | null;
  /** Queues to which entering this status sends a message by definition. */
  readonly sends: readonly string[];
}

/** Ending of a job: with an error, else with a result, else with neither. An unreadable record counts as "neither". */
export type Ending = "error" | "result" | "neither";

export interface Overview {
  readonly counts: Readonly<Record<string, number>>;
  /** For each of the last 60 minutes, oldest first: the present jobs that entered the status in this minute, and those that were created. */
  readonly minutes: {
    readonly from: string;
    readonly created: readonly number[];
    readonly entered: Readonly<Record<string, readonly number[]>>;
  };
  readonly timeouts: { readonly withinHour: number; readonly overdue: number };
  readonly outbox: OutboxCounts;
  readonly health: HealthView;
  readonly paused: readonly PausedQueueView[];
  /** Number of live workers. */
  readonly workers: number;
  readonly now: string;
}

export interface OutboxCounts {
  readonly waiting: number;
  readonly scheduled: number;
  readonly rejected: number;
  /** Time since which the oldest waiting message has waited. */
  readonly oldest: string | null;
}

export interface HealthView {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly driver: string;
  readonly latencyMs: number | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  readonly error: string | null;
}

export interface Durations {
  /** Number of jobs in the sample. */
  readonly jobs: number;
  /** Milliseconds in each status: median and 95th percentile. */
  readonly statuses: readonly { readonly status: string; readonly medianMs: number; readonly p95Ms: number }[];
}

/** One field and its value. */
export type Where = Readonly<Record<string, string>>;

export interface JobsQuery {
  readonly status?: string | undefined;
  readonly where?: Where | undefined;
  readonly order?: "newest" | "oldest" | undefined;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  readonly cursor?: string | undefined;
  /** 1–500. @default 50 */
  readonly limit?: number | undefined;
}

export interface JobRow {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly attempt: number;
  readonly createdAt: string;
  readonly statusAt: string;
  readonly leasedUntil: string | null;
  /** Message of the error, at most 300 characters. */
  readonly error: string | null;
  /** Progress as one line of JSON, at most 300 characters. */
  readonly progress: string | null;
  /** Data as one line of JSON, at most 300 characters. */
  readonly data: string;
}

export interface JobsPage {
  readonly items: readonly JobRow[];
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  readonly cursor: string | null;
  /** Number of jobs that paging reaches. null: unknown, because the query has a time range. */
  readonly total: number | null;
  readonly now: string;
}

/** Value as JSON text, at most 64 KiB. */
export interface ValueView {
  /** Indented JSON. It is cut if `cut` is true. */
  readonly text: string;
  /** Size of the whole value in bytes. */
  readonly bytes: number;
  readonly cut: boolean;
  /** Values of top-level properties that are the id of a job in this store, by property. */
  readonly jobs: Readonly<Record<string, string>>;
}

export interface JobView extends Omit<JobRow, "data" | "progress" | "error"> {
  readonly updatedAt: string;
  readonly expiresAt: string | null;
  readonly data: ValueView;
  readonly progress: ValueView | null;
  readonly result: ValueView | null;
  readonly error: { readonly message: string; readonly code: string | null; readonly retryable: boolean | null } | null;
  /** Changes, oldest first. */
  readonly history: readonly {
    readonly status: string;
    readonly at: string;
    /** Milliseconds until the next change, or until now for the last one. Never negative. */
    readonly durationMs: number;
    readonly attempt: number;
    readonly by: string | null;
    readonly note: string | null;
  }[];
  readonly messages: { readonly entries: readonly MessageView[]; readonly complete: boolean };
  readonly explanations: readonly { readonly code: string; readonly text: string; readonly fix: string | null }[];
  /** Index fields in which other jobs name this job, with their number by status. */
  readonly children: readonly { readonly field: string; readonly counts: Readonly<Record<string, number>> }[];
  readonly links: readonly { readonly text: string; readonly url: string }[];
  /** Reason if the record cannot be read. All values are then empty. */
  readonly unreadable: string | null;
  readonly now: string;
}

export type OutboxKind = "waiting" | "scheduled" | "rejected";

export interface MessageView {
  readonly entryId: string;
  readonly kind: OutboxKind;
  readonly jobId: string;
  readonly queue: string;
  readonly id: string;
  readonly at: string;
  readonly payload: ValueView;
  /** True if a relay has claimed the message. */
  readonly claimed: boolean;
  readonly dueAt: string | null;
  /** Reason of a rejection. */
  readonly reason: string | null;
}

export interface OutboxPage {
  readonly entries: readonly MessageView[];
  readonly cursor: string | null;
  readonly counts: OutboxCounts;
  readonly now: string;
}

export interface WorkersView {
  readonly workers: readonly {
    readonly by: string;
    readonly queue: string;
    readonly host: string;
    readonly pid: number;
    readonly version: string | null;
    readonly state: "running" | "waiting" | "paused";
    readonly concurrency: number;
    readonly running: readonly string[];
    readonly startedAt: string;
    readonly seenAt: string;
  }[];
  readonly paused: readonly PausedQueueView[];
  /** Warnings of health, among them jobs that wait for a worker. */
  readonly warnings: readonly string[];
  readonly now: string;
}

export interface PausedQueueView {
  readonly queue: string;
  readonly since: string;
  readonly until: string | null;
  readonly reason: string | null;
  readonly by: string | null;
}

export interface QueuesView {
  readonly queues: readonly {
    readonly queue: string;
    readonly ready: number;
    readonly unacked: number | null;
    readonly delayed: number | null;
    readonly dead: number;
    readonly consumers: number;
    readonly error: string | null;
  }[];
  /** State of the broker. null: the dashboard has no broker for this store. */
  readonly health: {
    readonly status: string;
    readonly warnings: readonly string[];
    readonly error: string | null;
  } | null;
  readonly now: string;
}

export interface LettersView {
  readonly letters: readonly {
    readonly id: string;
    readonly jobId: string | null;
    readonly reason: string;
    readonly attempts: number;
    readonly at: string | null;
    readonly error: string | null;
    readonly payload: ValueView;
  }[];
  readonly total: number;
}

/** Version of a job as it was shown. A job that has another version stays untouched. 0: a record that cannot be read, to delete it. */
export interface ShownJob {
  readonly id: string;
  readonly version: number;
  /** Creation time as it was shown, so that a job which was deleted and created again counts as another one. @default any */
  readonly createdAt?: string | undefined;
}

/**
 * Jobs that an action changes: a selection of at most 500, or all jobs that match. Then each call is a step of at most 500 jobs: the first one
 * changes none and returns the cursor of the second.
 */
export type Chosen =
  | { readonly jobs: readonly ShownJob[] }
  | {
      readonly filter: { readonly status: string; readonly where?: Where | undefined };
      /** Time at which the view was drawn. Jobs that entered the status later stay untouched. */
      readonly shownAt: string;
      /** Number of jobs that the user confirmed. The handler refuses the first step if more jobs match. */
      readonly confirmed: number;
      /** Cursor of the previous step. */
      readonly cursor?: string | undefined;
    };

/** Message that a change stores, as the user entered it. `{id}` in the payload becomes the id of the job. */
export interface EnteredMessage {
  readonly queue: string;
  /** JSON text. */
  readonly payload: string;
}

export type Action =
  | {
      readonly name: "retry" | "move";
      readonly chosen: Chosen;
      readonly to: string;
      readonly message?: EnteredMessage | undefined;
      readonly note?: string | undefined;
    }
  | { readonly name: "delete"; readonly chosen: Chosen }
  /** The message is for an initial status that sends none. The id in the outcome is that of the new job. */
  | { readonly name: "copy"; readonly id: string; readonly message?: EnteredMessage | undefined }
  | { readonly name: "requeue" | "drop"; readonly entryIds: readonly string[] }
  | { readonly name: "run-now" | "cancel"; readonly entryIds: readonly string[] }
  | { readonly name: "reschedule"; readonly entryIds: readonly string[]; readonly at: string }
  | {
      readonly name: "pause";
      readonly queue: string;
      readonly until?: string | undefined;
      readonly reason?: string | undefined;
    }
  | { readonly name: "resume"; readonly queue: string }
  | { readonly name: "redrive" | "discard"; readonly queue: string; readonly ids: readonly string[] };

/** Name of an action. */
export type ActionName = Action["name"];

export interface ActionReply {
  /** Result for each job, entry, queue or letter. */
  readonly outcomes: readonly Outcome[];
  /** Cursor of the next step, if jobs remain. The page repeats the call with it until it is null or the user stops. */
  readonly cursor: string | null;
}

/** Result of an action for one job, entry, queue or letter. */
export interface Outcome {
  /** Id of the job, of the outbox entry or of the dead letter, or name of the queue. */
  readonly id: string;
  /**
   * Result: done; moved: it changed after it was shown, and stays untouched; refused: see `message`; unknown: the reply was lost, and the change
   * may have been made.
   */
  readonly outcome: "done" | "moved" | "refused" | "unknown";
  /** Explanation for the user. null: none is needed. */
  readonly message: string | null;
}
