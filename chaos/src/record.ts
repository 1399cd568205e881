import type { Status } from "./subject.js";

/** All times are in ms since 1970: the clients and servers of a run share one machine and its clock. */

export type Verb = "create" | "move" | "progress" | "save" | "delete" | "get" | "list" | "counts" | "wait";

/** A call, written down before it is made. */
export interface Begun {
  readonly line: "begun";
  /** Names the operation; it is also the `by` of the change, which is how its effect is found. */
  readonly op: string;
  readonly verb: Verb;
  /** null for calls on many jobs. */
  readonly job: string | null;
  readonly to?: Status;
  /** The version that a save will have made. */
  readonly version?: number;
  /** What a wait waits for. */
  readonly until?: readonly Status[];
  /** The queue that gets a message because of this change. */
  readonly queue?: string;
  readonly at: number;
  readonly budgetMs: number;
}

/** What a call answered. */
export interface Settled {
  readonly line: "settled";
  readonly op: string;
  readonly at: number;
  /** From its beginning, the time in which this process itself stood still left out. */
  readonly tookMs: number;
  readonly outcome: Outcome;
}

export type Outcome =
  /** The change was made, by this operation. Progress and deletion make no version. */
  | { readonly is: "applied"; readonly version: number | null }
  /** Nothing was written, and the stored job came back. */
  | { readonly is: "unchanged"; readonly version: number; readonly status: Status }
  /** Versions as they were read; null: no such job. */
  | { readonly is: "read"; readonly jobs: readonly (readonly [id: string, version: number | null])[] }
  | { readonly is: "refused"; readonly code: string }
  | { readonly is: "unavailable"; readonly indeterminate: boolean; readonly reason: string }
  /** Something that is no error of the packages. */
  | { readonly is: "untyped"; readonly reason: string };

/** A message that reached a consumer. */
export interface Received {
  readonly line: "received";
  readonly queue: string;
  readonly id: string;
  readonly job: string;
  readonly op: string;
  readonly at: number;
}

/** An event as a watcher saw it. */
export interface Seen {
  readonly line: "seen";
  readonly event: LoggedEvent;
  readonly cursor: string;
}

export type LoggedEvent =
  | {
      readonly type: "created" | "status" | "saved";
      readonly job: string;
      readonly from: Status | null;
      readonly to: Status;
      readonly version: number;
      readonly at: number;
      readonly by: string;
    }
  | {
      readonly type: "progress";
      readonly job: string;
      readonly version: number;
      readonly at: number;
      readonly by: string;
    }
  | { readonly type: "deleted"; readonly job: string; readonly at: number }
  | { readonly type: "resync" };

/** Whatever the packages had to tell besides: events of the store, errors of the broker and the relay. */
export interface Said {
  readonly line: "said";
  readonly text: string;
  readonly at: number;
}

/** A writer's last call has settled; it goes on relaying. */
export interface Quiet {
  readonly line: "quiet";
  readonly at: number;
}

/** The process ended because it was told to, with nothing left that kept it alive. */
export interface Ended {
  readonly line: "ended";
  readonly at: number;
}

/** A mutant's cut was made in a script. */
export interface Cut {
  readonly line: "cut";
  readonly at: number;
}

export type Line = Begun | Settled | Received | Seen | Said | Quiet | Ended | Cut;

/** A call and what became of it. */
export interface Operation extends Omit<Begun, "line"> {
  /** null: its process was killed first. */
  readonly settled: Omit<Settled, "line" | "op"> | null;
}
