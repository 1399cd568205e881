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
  readonly messages: readonly string[];
}

/**
 * Looks for an order of the parts of all calls that explains them, from no jobs on: those of one client one after the other,
 * and none before its call began or after another call ended that it began after. Jobs in `expiring` statuses may go at any
 * moment. Answers with the messages that were stored, or null: there is no such order.
 */
export function order(
  clients: readonly (readonly Call[])[],
  expiring: ReadonlySet<string>,
): { readonly messages: readonly string[] } | null {
  const tried = new Set<string>();
  const stack: Point[] = [{ at: clients.map(() => 0), done: clients.map(() => 0), jobs: new Map(), messages: [] }];
  for (let point = stack.pop(); point !== undefined; point = stack.pop()) {
    const { at, done, jobs, messages } = skipFinished(clients, point);
    if (at.every((n, client) => n === (clients[client] as readonly Call[]).length)) return { messages };
    const key = JSON.stringify([at, done, [...jobs].sort(([a], [b]) => (a < b ? -1 : 1))]);
    if (tried.has(key)) continue;
    tried.add(key);
    for (const [id, { status }] of jobs) {
      if (expiring.has(status)) stack.push({ at, done, jobs: without(jobs, id), messages });
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
          stack.push({
            at,
            done: done.with(client, (done[client] as number) | bit),
            jobs: outcome.jobs,
            messages: outcome.message === undefined ? messages : [...messages, outcome.message],
          });
        }
      }
    }
  }
  return null;
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
