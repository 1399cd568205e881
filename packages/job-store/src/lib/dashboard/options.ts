import type { JobDefinition } from "../definition.js";
import type { JobStoreDriver } from "../driver.js";
import type { Job } from "../job.js";
import type { RecordedStore } from "../store/recorded-store.js";
import type { JobStore, ListQuery } from "../types.js";
import type { ActionName, DashboardInfo, Outcome } from "./protocol.js";

export type { ActionName, Outcome } from "./protocol.js";

/** Store that a dashboard shows: a `JobStore` of any definition. */
export interface DashboardJobStore
  extends Pick<
    JobStore<JobDefinition>,
    | (
        | "definition"
        | "create"
        | "get"
        | "counts"
        | "activity"
        | "updateStatus"
        | "delete"
        | "watch"
        | "explain"
        | "outbox"
      )
    | ("health" | "pauseQueue" | "resumeQueue" | "pausedQueues" | "workers")
  > {
  /** Returns a page of jobs. See `JobStore.list`. */
  list(query?: ListQuery<JobDefinition>): Promise<{
    readonly items: readonly Job<JobDefinition>[];
    readonly cursor?: string | undefined;
    readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  }>;
}

/** Queue of a broker. `defineQueue` of the queue package makes it. */
export interface DashboardQueue {
  /** Name of the queue. */
  readonly name: string;
}

/** Broker whose queues a dashboard shows. `createBroker` of the queue package makes it. */
export interface DashboardBroker {
  /** Counts the messages and consumers of a queue. */
  stats(queue: DashboardQueue): Promise<{
    readonly ready: number;
    readonly unacked: number | null;
    readonly delayed: number | null;
    readonly dead: number;
    readonly consumers: number;
  }>;
  /** Lists dead letters, oldest first. */
  deadLetters(
    queue: DashboardQueue,
    options: { readonly limit: number },
  ): Promise<
    readonly {
      readonly id: string;
      readonly body: string;
      readonly origin?: string;
      readonly reason: string;
      readonly attempts: number;
      readonly at: Date;
      readonly errors: readonly string[];
    }[]
  >;
  /** Sends dead letters back to their queue. Returns their number. */
  redrive(queue: DashboardQueue, options: { readonly ids: readonly string[] }): Promise<number>;
  /** Removes dead letters. Returns their number. */
  discard(queue: DashboardQueue, options: { readonly ids: readonly string[] }): Promise<number>;
  /** Reports the health of the broker. */
  health(): Promise<{ readonly status: string; readonly warnings: readonly string[]; readonly error?: string }>;
}

/** Link on the page of a job. */
export interface DashboardLink {
  /** Text of the link. */
  readonly text: string;
  /** Address: http, https, or relative to the page. Others are left out. */
  readonly url: string;
}

/** Parts of a store that a dashboard shows in addition to its jobs. */
interface StoreParts {
  /** Broker with the queues of the jobs. @default none */
  readonly broker?: DashboardBroker | undefined;
  /** Queues of the broker. @default none */
  readonly queues?: readonly DashboardQueue[] | undefined;
  /** Returns links to pages of your own for a job. An error leaves them out. @default none */
  readonly links?: ((job: Job<JobDefinition>) => readonly DashboardLink[]) | undefined;
}

/** Store of a dashboard: an open one, which stays open, or a driver, whose store the dashboard opens from the recorded description. */
export type DashboardStore = StoreParts &
  (
    | {
        /** Store, or result of `openRecordedStore`. */
        readonly store: DashboardJobStore | RecordedStore;
        readonly driver?: undefined;
      }
    | {
        /** Storage of a store whose definition this process does not have. The dashboard closes what it opens. */
        readonly driver: JobStoreDriver;
        readonly store?: undefined;
      }
  );

/**
 * Part of a store that `show` gets. error: of a job, and with only a `message`, the reason of a rejected message, the error of a dead letter, or
 * the reason why a record cannot be read. note: remark of a change. payload: of a message in the outbox. letter: payload of a dead letter.
 */
export type ShownPart = "data" | "progress" | "result" | "error" | "note" | "payload" | "letter";

/** Origin of a value that `show` gets. */
export interface ShownContext {
  /** Request of the page. */
  readonly request: Request;
  /** Key of the store. */
  readonly store: string;
  /** Id of the job. null: unknown, for a dead letter that no change of a job stored. */
  readonly jobId: string | null;
  /** Queue of a message or of a dead letter. */
  readonly queue?: string;
}

/** Action that a user tried, for an audit log. */
export interface DashboardAction {
  /** Name of the action. */
  readonly action: ActionName;
  /** Key of the store. */
  readonly store: string;
  /** User, as `by` returned it. */
  readonly by: string;
  /** Id that the page gave to the action. A repeated request has the same one. */
  readonly requestId: string;
  /** Ids of the jobs, of the outbox entries or of the dead letters, or the name of the queue. */
  readonly ids: readonly string[];
  /** Result. denied: `may` did not return true, or the dashboard is read-only. failed: no part of the action is known to be done; see `error`. */
  readonly result: "done" | "denied" | "failed";
  /** Result for each id. Empty unless `result` is done. */
  readonly outcomes: readonly Outcome[];
  /** Reason if the action was denied or has failed. */
  readonly error: string | null;
  /** Request of the page. */
  readonly request: Request;
}

/** Options of `createDashboard`. */
export interface DashboardOptions {
  /** Stores by key. The keys are in the address of the page. */
  readonly stores: Readonly<Record<string, DashboardStore>>;
  /**
   * Decides if the user of a request may perform an action on a store. "read" shows the store. Only `true` permits: an error denies.
   * @param store Key of the store.
   */
  readonly may: (request: Request, action: "read" | ActionName, store: string) => boolean | Promise<boolean>;
  /** Returns the user of a request. Changes store it as their author. @default "dashboard" */
  readonly by?: ((request: Request) => string | Promise<string>) | undefined;
  /**
   * Returns what the page shows of a value, to hide private data. It gets JSON values: also those that are only shown in part, downloaded
   * values, and payloads. Return a changed copy. If it throws or returns a promise, the reply is an error, and nothing is shown.
   * @default everything
   */
  readonly show?: ((part: ShownPart, value: unknown, context: ShownContext) => unknown) | undefined;
  /** Receives each action, also if it failed or was denied. An error of this function, also of its promise, is ignored. */
  readonly onAction?: ((action: DashboardAction) => void) | undefined;
  /** Title of the page, for example "Subtitles (production)". @default "Jobs" */
  readonly title?: string | undefined;
  /** Accent of the page, to distinguish production from test: red, amber, green, blue, violet or gray. @default no accent */
  readonly color?: Exclude<DashboardInfo["color"], null> | undefined;
  /** True: nothing can be changed. @default false */
  readonly readOnly?: boolean | undefined;
  /**
   * Token that each call of the page must have in its Authorization header, as "Bearer …". It has only characters of ASCII, and no space at
   * its ends. The page asks for it. The document and the script of the page are served without it: they contain no data.
   * @default none: the application in front of the dashboard authenticates users
   */
  readonly token?: string | undefined;
}
