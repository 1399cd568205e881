import type { ModelJob } from "./model-job.js";

export type Jobs = ReadonlyMap<string, ModelJob>;

/** One atomic step of a call: what it may leave of these jobs, each way with the message it stores; none: it cannot be. */
export type Part = (jobs: Jobs) => readonly { readonly jobs: Jobs; readonly message?: string }[];

/** What a client asked and heard. Its parts happen between its begin and its end, in any order. */
export interface Call {
  readonly begun: number;
  readonly ended: number;
  readonly parts: readonly Part[];
  /** For whoever has to find out what went wrong. */
  readonly text: string;
}

/** How far a search has come: of each client the call it is at, and which parts of that have happened. */
interface Point {
  readonly at: readonly number[];
  readonly done: readonly number[];
  readonly jobs: Jobs;
  /** Of the stored messages those that nothing has been found to store. */
  readonly unexplained: readonly string[];
}

/** What is known besides the answers. */
export interface Evidence {
  /** All messages that are stored at the end, in any order. */
  readonly messages: readonly string[];
  /** Jobs in these statuses may go at any moment. */
  readonly expiring: ReadonlySet<string>;
}

/**
 * Whether there is an order of the parts of all calls that explains them and the messages they stored, from no jobs on:
 * those of one client one after the other, and none before its call began or after another call ended that it began after.
 */
export function isExplained(clients: readonly (readonly Call[])[], { messages, expiring }: Evidence): boolean {
  const tried = new Set<string>();
  const none = clients.map(() => 0);
  const stack: Point[] = [{ at: none, done: none, jobs: new Map(), unexplained: messages.toSorted() }];
  for (let point = stack.pop(); point !== undefined; point = stack.pop()) {
    const { at, done, jobs, unexplained } = skipFinished(clients, point);
    const isOver = at.every((n, client) => n === clients[client]?.length);
    if (isOver && unexplained.length === 0) return true;
    const key = JSON.stringify([at, done, unexplained, [...jobs].sort(([a], [b]) => (a < b ? -1 : 1))]);
    if (tried.has(key)) continue;
    tried.add(key);
    for (const [id, { status }] of jobs) {
      if (expiring.has(status)) stack.push({ at, done, jobs: without(jobs, id), unexplained });
    }
    // A call that began after another one ended waits for that.
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

/** null: this message is not there. */
function withoutMessage(all: readonly string[], message: string | undefined): readonly string[] | null {
  if (message === undefined) return all;
  const place = all.indexOf(message);
  return place === -1 ? null : all.toSpliced(place, 1);
}

/** Goes on to the next call wherever all parts have happened. */
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
