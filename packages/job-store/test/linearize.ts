import type { ModelJob } from "./model-job.js";

/** State of the jobs, by id. */
export type Jobs = ReadonlyMap<string, ModelJob>;

/**
 * Atomic step of a call. Returns the possible states after it, each with the message that it stores. An empty list: the reply of the
 * call is not possible in this state.
 */
export type Part = (jobs: Jobs) => readonly { readonly jobs: Jobs; readonly message?: string }[];

/** Call of a client with its reply. Its parts are executed between its begin and its end, in any order. */
export interface Call {
  readonly begun: number;
  readonly ended: number;
  readonly parts: readonly Part[];
  /** Description for the error message. */
  readonly text: string;
}

/** State of the search: position of each client in its calls, and the executed parts of its current call. */
interface Point {
  readonly at: readonly number[];
  readonly done: readonly number[];
  readonly jobs: Jobs;
  /** Stored messages that no executed part has stored. */
  readonly unexplained: readonly string[];
}

/** Facts in addition to the replies. */
export interface Evidence {
  /** Messages that are stored after the last call, in any order. */
  readonly messages: readonly string[];
  /** Statuses in which jobs can expire at any time. */
  readonly expiring: ReadonlySet<string>;
}

/**
 * Returns true if an order of the parts of all calls explains the replies and the stored messages. Initially there are no jobs. The
 * calls of one client are executed one after the other. A call is executed after all calls that ended before it began.
 */
export function isExplained(clients: readonly (readonly Call[])[], { messages, expiring }: Evidence): boolean {
  const tried = new Set<string>();
  const none = clients.map(() => 0);
  const stack: Point[] = [{ at: none, done: none, jobs: new Map(), unexplained: messages.toSorted() }];
  for (let point = stack.pop(); point !== undefined; point = stack.pop()) {
    const { at, done, jobs, unexplained } = skipFinished(clients, point);
    const isComplete = at.every((n, client) => n === clients[client]?.length);
    if (isComplete && unexplained.length === 0) return true;
    const key = JSON.stringify([at, done, unexplained, [...jobs].sort(([a], [b]) => (a < b ? -1 : 1))]);
    if (tried.has(key)) continue;
    tried.add(key);
    for (const [id, { status }] of jobs) {
      if (expiring.has(status)) stack.push({ at, done, jobs: without(jobs, id), unexplained });
    }
    // A call that began after the end of another call is executed after it.
    const next = clients.map((calls, client) => calls[at[client] as number]);
    const horizon = Math.min(...next.map((call) => call?.ended ?? Number.POSITIVE_INFINITY));
    for (const [client, call] of next.entries()) {
      if (call === undefined || call.begun > horizon) continue;
      for (const [n, part] of call.parts.entries()) {
        const bit = 1 << n;
        if (((done[client] as number) & bit) !== 0) continue;
        for (const outcome of part(jobs)) {
          const left = withoutMessage(unexplained, outcome.message);
          if (left === null) continue;
          const after = done.with(client, (done[client] as number) | bit);
          stack.push({ at, done: after, jobs: outcome.jobs, unexplained: left });
        }
      }
    }
  }
  return false;
}

/** Removes one message. Returns null if the list does not contain it. */
function withoutMessage(all: readonly string[], message: string | undefined): readonly string[] | null {
  if (message === undefined) return all;
  const index = all.indexOf(message);
  return index === -1 ? null : all.toSpliced(index, 1);
}

/** Moves each client to its next call if all parts of its current call are executed. */
function skipFinished(clients: readonly (readonly Call[])[], point: Point): Point {
  let { at, done } = point;
  for (const [client, calls] of clients.entries()) {
    for (;;) {
      const call = calls[at[client] as number];
      if (call === undefined || done[client] !== (1 << call.parts.length) - 1) break;
      at = at.with(client, (at[client] as number) + 1);
      done = done.with(client, 0);
    }
  }
  return { ...point, at, done };
}

function without(jobs: Jobs, id: string): Jobs {
  const left = new Map(jobs);
  left.delete(id);
  return left;
}
