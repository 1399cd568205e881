import { openSync, readFileSync, writeSync } from "node:fs";
import type { WorkerEvent } from "@subtitles/queue/worker";
import type { Status } from "./workload.js";

// All times are in ms since 1970. The clients and servers of a round share the clock of one machine.

export type CallType = "create" | "move" | "progress" | "save" | "delete" | "get" | "list" | "counts" | "wait";

/** Start of a call, written before the call is made. */
export interface Started {
  readonly line: "started";
  /** Id of the operation. A change is made with this id as `by`, so that its events can be found. */
  readonly op: string;
  readonly call: CallType;
  /** null: the call concerns many jobs. */
  readonly job: string | null;
  readonly to?: Status;
  /** Version of the job after a save. */
  readonly version?: number;
  /** Statuses that end a `wait`. */
  readonly until?: readonly Status[];
  /** Queue of the message that belongs to the change. */
  readonly queue?: string;
  readonly at: number;
  readonly timeoutMs: number;
}

/** End of a call. */
export interface Ended {
  readonly line: "ended";
  readonly op: string;
  readonly at: number;
  /** Duration of the call in ms, without the time in which its process did not run. */
  readonly durationMs: number;
  readonly outcome: Outcome;
}

export type Outcome =
  /** The change was applied by this call. The version is null for progress and deletion. */
  | { readonly is: "applied"; readonly version: number | null }
  /** Nothing was written, and the call returned the stored job. */
  | { readonly is: "unchanged"; readonly version: number; readonly status: Status }
  /** Versions that were read. null: the job does not exist. */
  | { readonly is: "read"; readonly jobs: readonly (readonly [id: string, version: number | null])[] }
  | { readonly is: "rejected"; readonly code: string }
  | { readonly is: "unavailable"; readonly indeterminate: boolean; readonly reason: string }
  /** The call failed with an error that is not a JobStoreError. */
  | { readonly is: "untyped"; readonly reason: string };

/** Message of the queue `notices` that a consumer received. */
export interface Received {
  readonly line: "received";
  readonly queue: string;
  readonly id: string;
  readonly job: string;
  readonly op: string;
  readonly at: number;
}

/** Start of a run of a worker. */
export interface RunStarted {
  readonly line: "run";
  readonly run: string;
  readonly process: string;
  readonly job: string;
  /** Version of the job after the claim. */
  readonly version: number;
  readonly at: number;
}

/** End of a run: its outcome, or the error that it threw. */
export interface RunEnded {
  readonly line: "ran";
  readonly run: string;
  readonly end: string;
  readonly at: number;
}

/** Event of a worker. */
export interface WorkerReported {
  readonly line: "worker";
  readonly process: string;
  readonly event: Omit<WorkerEvent, "error">;
  readonly error?: string;
  readonly at: number;
}

/** The process was asked to end, and begins to close. */
export interface Closing {
  readonly line: "closing";
  readonly process: string;
  readonly at: number;
}

/** Event that a watcher received. */
export interface Watched {
  readonly line: "watched";
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

/** Event of the store, or error of the broker or the relay. */
export interface Reported {
  readonly line: "reported";
  readonly text: string;
  readonly at: number;
}

/** The last call of a writer has ended. Its relay continues. */
export interface Idle {
  readonly line: "idle";
  readonly at: number;
}

/** The process was asked to end and has closed everything. */
export interface Closed {
  readonly line: "closed";
  readonly at: number;
}

/** A script or a module was changed as the mutant requires. */
export interface Mutated {
  readonly line: "mutated";
  readonly at: number;
}

export type Line =
  | Started
  | Ended
  | Received
  | RunStarted
  | RunEnded
  | WorkerReported
  | Closing
  | Watched
  | Reported
  | Idle
  | Closed
  | Mutated;
type Kind = Line["line"];
type LineOf<K extends Kind> = Extract<Line, { line: K }>;

/** Call and its end. */
export interface Operation extends Omit<Started, "line"> {
  /** null: the process was killed before the call ended. */
  readonly end: Omit<Ended, "line" | "op"> | null;
}

/** File of JSON lines. `write` returns after the line is written, so that no line is lost if the process is killed. */
export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  report(text: string): void {
    this.write({ line: "reported", text, at: now() });
  }
}

/** Returns the time of the clock that the servers of a round also use. */
export function now(): number {
  return Date.now();
}

/** Reads all complete lines. If the writer was killed, its last line may be incomplete and is left out. */
export function readLines(path: string): readonly Line[] {
  return readFileSync(path, "utf8").split("\n").flatMap(parsed);
}

/**
 * Returns the last line of a kind that contains a text. Journals are long and parsing them would block the proxies of this
 * process, so the lines are compared as text.
 */
export function lastLine<K extends Kind>(path: string, kind: K, part = ""): LineOf<K> | undefined {
  const texts = readFileSync(path, "utf8").split("\n");
  const matches = (text: string) => text.startsWith(`{"line":"${kind}"`) && text.includes(part);
  const found = texts.findLast((text) => matches(text) && parsed(text).length > 0);
  return linesOf(parsed(found ?? ""), kind)[0];
}

export function linesOf<K extends Kind>(lines: readonly Line[], kind: K): readonly LineOf<K>[] {
  return lines.filter((line): line is LineOf<K> => line.line === kind);
}

function parsed(text: string): readonly Line[] {
  try {
    return [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}
