import type { Run } from "../src/oracle/run.js";
import type { LoggedEvent, Operation, Outcome, Verb } from "../src/record.js";
import { expiryOf, STATUSES, type Status } from "../src/subject.js";

type Change = Extract<LoggedEvent, { to: unknown }>;

/** When hand-made histories begin. */
const T0 = 1_000_000;
const BUDGET_MS = 1_000;

/** An operation that began so many ms into the run, and took 10 ms. `outcome` null: its process was killed. */
export function asked(op: string, verb: Verb, job: string, at: number, outcome: Outcome | null): Operation {
  const settled = outcome && { at: T0 + at + 10, tookMs: 10, outcome };
  const queue = op.includes("+message") ? { queue: "notices" } : {};
  return { op, verb, job, ...queue, at: T0 + at, budgetMs: BUDGET_MS, settled };
}

export const applied = (version: number | null): Outcome => ({ is: "applied", version });
export const refused = (code: string): Outcome => ({ is: "refused", code });
export const unavailable = (indeterminate: boolean): Outcome => ({ is: "unavailable", indeterminate, reason: "…" });

export function created(job: string, by: string, at: number): Change {
  return { type: "created", job, from: null, to: "todo", version: 1, at: T0 + at, by };
}

export function moved(job: string, from: Status, to: Status, version: number, by: string, at: number): Change {
  return { type: "status", job, from, to, version, at: T0 + at, by };
}

export function saved(job: string, status: Status, version: number, at: number): Change {
  return { type: "saved", job, from: status, to: status, version, at: T0 + at, by: "" };
}

export function deleted(job: string, at: number): LoggedEvent {
  return { type: "deleted", job, at: T0 + at };
}

/** A run that left what its log tells, and saw what there was to see; `changes` says what is otherwise. */
export function runOf(operations: readonly Operation[], log: readonly LoggedEvent[], changes: Partial<Run> = {}): Run {
  const jobs = storedAfter(log);
  const inStatus = (wanted: Status) => jobs.filter(({ status }) => status === wanted).map(({ id }) => id);
  const carrying = new Set(operations.flatMap(({ op, queue }) => (queue === undefined ? [] : [op])));
  return {
    operations,
    watched: log,
    received: log.flatMap((event) =>
      "to" in event && carrying.has(event.by)
        ? [
            {
              line: "received",
              queue: "notices",
              id: `${event.job}.${event.version}.0`,
              job: event.job,
              op: event.by,
              at: 0,
            },
          ]
        : [],
    ),
    written: ["disconnected: No connection to Redis (the connection was lost)"],
    killed: new Set(["gone.0"]),
    slackMs: 100,
    secrets: ["s3cret"],
    problems: [],
    ...changes,
    final: {
      jobs,
      byStatus: new Map(STATUSES.map((status) => [status, inStatus(status)])),
      counts: {
        todo: inStatus("todo").length,
        doing: inStatus("doing").length,
        done: inStatus("done").length,
        failed: inStatus("failed").length,
        fading: inStatus("fading").length,
      },
      keys: jobs.map(({ id }) => id),
      log,
      outbox: { depth: 0, rejected: 0 },
      queues: [{ name: "notices", left: 0, dead: 0 }],
      ...changes.final,
    },
  };
}

function storedAfter(log: readonly LoggedEvent[]): Run["final"]["jobs"] {
  const changes = new Map<string, Change[]>();
  for (const event of log) {
    if (event.type === "deleted") changes.delete(event.job);
    else if ("to" in event && event.type === "created") changes.set(event.job, [event]);
    else if ("to" in event) changes.set(event.job, [...(changes.get(event.job) ?? []), event]);
  }
  return [...changes].flatMap(([id, made]) => {
    const last = made.at(-1) as Change;
    if (expiryOf(last.to, last.at) < Number.POSITIVE_INFINITY) return [];
    const history = made.filter(({ type }) => type !== "saved");
    const left = history.filter(({ from }) => from === "done" || from === "failed").length;
    return [{ id, status: last.to, version: last.version, attempt: 1 + left, history }];
  });
}
