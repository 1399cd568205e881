import type { LoggedEvent, Operation, Received, RunStarted, WorkerReported } from "../journal.js";
import type { Plan, Status } from "../workload.js";

/** All recorded data of a round: the input of the checker. */
export interface Recording {
  /** Operations of all client processes. */
  readonly operations: readonly Operation[];
  /** Events that the watcher received, in this order. */
  readonly watched: readonly LoggedEvent[];
  readonly received: readonly Received[];
  readonly runs: readonly Run[];
  /** Events of the workers, in the order of each process. */
  readonly workerEvents: readonly WorkerReported[];
  /** Times at which client processes began to close, by name of the process. */
  readonly closing: ReadonlyMap<string, number>;
  /** Periods in which Redis did not run. Only those of more than five seconds. */
  readonly outages: readonly Outage[];
  /** Output and journals of all client processes. */
  readonly written: readonly string[];
  /** Names of the client processes that were killed: `<name>.<generation>`. */
  readonly killed: ReadonlySet<string>;
  readonly final: FinalState;
  /** Time in ms by which a call may exceed its timeout. */
  readonly slackMs: number;
  readonly secrets: readonly string[];
  /** Problems that the runner found: a client that crashed or did not end, or a system that did not become idle. */
  readonly problems: readonly string[];
}

/** Run of a worker. */
export interface Run extends Omit<RunStarted, "line"> {
  /** Time of its end. Null if the process was killed, or ended first. */
  readonly endedAt: number | null;
  /** Next status that the run returned, or name of the error that it threw. Null if it has no end. */
  readonly end: string | null;
}

/** Period in ms since 1970. */
export interface Outage {
  readonly from: number;
  readonly to: number;
}

/** Stored state at the end of a round. Each property is read with another public call. */
export interface FinalState {
  /** All jobs, in order of creation. */
  readonly jobs: readonly FinalJob[];
  readonly byStatus: ReadonlyMap<Status, readonly string[]>;
  readonly counts: Readonly<Record<Status, number>>;
  /** Ids of the jobs, taken from the names of the Redis keys. */
  readonly keys: readonly string[];
  /** All events, in commit order. */
  readonly log: readonly LoggedEvent[];
  /** `depth` includes the messages that are not due yet. */
  readonly outbox: { readonly depth: number; readonly rejected: number };
  readonly queues: readonly { readonly name: string; readonly left: number; readonly dead: number }[];
}

export interface FinalJob {
  readonly id: string;
  readonly status: Status;
  readonly version: number;
  readonly attempt: number;
  /** Plan of an order; null for other jobs. */
  readonly plan: Plan | null;
  readonly history: readonly HistoryEntry[];
}

export interface HistoryEntry {
  readonly from: Status | null;
  readonly to: Status;
  readonly version: number;
  readonly at: number;
  readonly by: string;
}

/** Guarantee that was not kept. */
export interface Violation {
  readonly guarantee:
    | "an acknowledged change is applied once"
    | "a rejected change is not applied"
    | "an indeterminate change is applied at most once"
    | "a change is applied only during its call"
    | "a read returns a state that existed during the call"
    | "transitions are allowed and versions are consecutive"
    | "the indexes match the jobs"
    | "the events match the stored jobs"
    | "a watcher receives every event or a resync"
    | "a change and its message are stored together"
    | "accepted work ends exactly once"
    | "a job has one worker at a time"
    | "only the worker that owns a job stores an outcome"
    | "every run ends and is reported"
    | "every call ends in time, with a result or a typed error"
    | "no secret is written"
    | "processes end and the system becomes idle";
  /** Id or name of the operation, job, queue or process. */
  readonly about: string;
  readonly details: string;
}

/** Pure function that finds the violations of one or several guarantees. */
export type Check = (recording: Recording) => readonly Violation[];

/** Tolerance for comparisons of two times. Both are rounded to milliseconds. */
export const CLOCK_MS = 1;

/** Returns the time in ms since 1970 at which a call ended, or at which its timeout expired if its process was killed. */
export function endOf({ at, timeoutMs, end }: Operation): number {
  return end?.at ?? at + timeoutMs;
}

/** Returns true if the call can have made a change at `time`: it was in progress, and it was not reported as not applied. */
export function canHaveApplied(operation: Operation, time: number): boolean {
  const outcome = operation.end?.outcome;
  const rejected = outcome?.is === "rejected" || (outcome?.is === "unavailable" && !outcome.indeterminate);
  return !rejected && time >= operation.at - CLOCK_MS && time <= endOf(operation) + CLOCK_MS;
}

export function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = nameOf(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}
