import type { LoggedEvent, Operation, Received } from "../record.js";
import type { Status } from "../subject.js";

/** Everything that is known of a run once it is over. */
export interface Run {
  /** Of all client processes. */
  readonly operations: readonly Operation[];
  /** What a watcher saw live, in its order. */
  readonly watched: readonly LoggedEvent[];
  readonly received: readonly Received[];
  /** Whatever the processes printed, and all that they noted: what was reported, thrown and received. */
  readonly written: readonly string[];
  /** Client processes that were killed: `<name>.<generation>`. */
  readonly killed: ReadonlySet<string>;
  readonly final: FinalState;
  /** What a call may take beyond its budget, in ms. */
  readonly slackMs: number;
  readonly secrets: readonly string[];
  /** What the runner itself met: a client that crashed, or did not end; a system that did not come to rest. */
  readonly problems: readonly string[];
}

/** What is stored, as the public calls tell it, each by a way of its own. */
export interface FinalState {
  /** By creation. */
  readonly jobs: readonly FinalJob[];
  readonly byStatus: ReadonlyMap<Status, readonly string[]>;
  readonly counts: Readonly<Record<Status, number>>;
  /** Ids of the keys that hold jobs. */
  readonly keys: readonly string[];
  /** Every event, in commit order. */
  readonly log: readonly LoggedEvent[];
  readonly outbox: { readonly depth: number; readonly rejected: number };
  readonly queues: readonly { readonly name: string; readonly left: number; readonly dead: number }[];
}

export interface FinalJob {
  readonly id: string;
  readonly status: Status;
  readonly version: number;
  readonly attempt: number;
  readonly history: readonly Step[];
}

export interface Step {
  readonly from: Status | null;
  readonly to: Status;
  readonly version: number;
  readonly at: number;
  readonly by: string;
}

/** A promise that a run has found broken. */
export interface Violation {
  readonly promise:
    | "acknowledged means made once"
    | "refused means not made"
    | "made once or not at all"
    | "never later"
    | "reads tell what is"
    | "legal steps, contiguous versions"
    | "the index is the jobs"
    | "events are the history"
    | "a watcher misses nothing unsaid"
    | "messages and changes belong together"
    | "accepted work is done"
    | "every call settles in time, typed"
    | "secrets stay secret"
    | "processes end, systems come to rest";
  /** The operation, job or message. */
  readonly about: string;
  readonly words: string;
}

export type Check = (run: Run) => readonly Violation[];

/** All read one clock, by whole milliseconds, which may begin between two reads. */
export const CLOCK_MS = 1;

/** Whether a call may be what was made at that moment: it was under way, and nothing says that it was not carried out. */
export function mayHaveMade({ at, budgetMs, settled }: Operation, moment: number): boolean {
  const outcome = settled?.outcome;
  const refused = outcome?.is === "refused" || (outcome?.is === "unavailable" && !outcome.indeterminate);
  return !refused && moment >= at - CLOCK_MS && moment <= (settled?.at ?? at + budgetMs) + CLOCK_MS;
}

/** Groups things by a name. */
export function groupedBy<T>(things: readonly T[], nameOf: (thing: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const name = nameOf(thing);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [thing]);
    else group.push(thing);
  }
  return groups;
}
