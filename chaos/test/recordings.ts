import type { Recording } from "../src/checker/recording.js";
import type { CallType, LoggedEvent, Operation, Outcome } from "../src/journal.js";
import { expiryTime, isFinal, isOrder, STATUSES, type Status } from "../src/workload.js";

type Change = Extract<LoggedEvent, { to: unknown }>;

/** Start of all recordings, in ms since 1970. */
export const T0 = 1_000_000;
const TIMEOUT_MS = 1_000;

/**
 * Returns an operation that started `at` ms after the start of the round and took 10 ms. If `outcome` is null, its process was killed.
 */
export function operation(
  op: string,
  call: CallType,
  job: string,
  at: number,
  outcome: Outcome | null,
  messageTo = op.includes("+message") ? "notices" : null,
): Operation {
  const end = outcome && { at: T0 + at + 10, durationMs: 10, outcome };
  return { op, call, job, ...(messageTo !== null && { queue: messageTo }), at: T0 + at, timeoutMs: TIMEOUT_MS, end };
}

export const applied = (version: number | null): Outcome => ({ is: "applied", version });
export const rejected = (code: string): Outcome => ({ is: "rejected", code });
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

/** Returns the recording of a round without violations in which the events of `log` happened. `changes` overrides parts of it. */
export function recordingOf(
  operations: readonly Operation[],
  log: readonly LoggedEvent[],
  changes: Partial<Recording> = {},
): Recording {
  const jobs = storedAfter(log);
  const inStatus = (wanted: Status) => jobs.filter(({ status }) => status === wanted).map(({ id }) => id);
  const withMessage = new Set(operations.flatMap(({ op, queue }) => (queue === undefined ? [] : [op])));
  return {
    operations,
    watched: log,
    received: log.flatMap((event) =>
      "to" in event && withMessage.has(event.by)
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
    written: ["disconnected: Connection to Redis lost"],
    killed: new Set(["gone.0"]),
    slackMs: 100,
    secrets: ["s3cret"],
    runs: [],
    workerEvents: [],
    closing: new Map(),
    outages: [],
    problems: [],
    ...changes,
    final: {
      jobs,
      byStatus: new Map(STATUSES.map((status) => [status, inStatus(status)])),
      counts: {
        todo: inStatus("todo").length,
        doing: inStatus("doing").length,
        waiting: inStatus("waiting").length,
        done: inStatus("done").length,
        failed: inStatus("failed").length,
        cancelled: inStatus("cancelled").length,
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

function storedAfter(log: readonly LoggedEvent[]): Recording["final"]["jobs"] {
  const changes = new Map<string, Change[]>();
  for (const event of log) {
    if (event.type === "deleted") changes.delete(event.job);
    else if ("to" in event && event.type === "created") changes.set(event.job, [event]);
    else if ("to" in event) changes.set(event.job, [...(changes.get(event.job) ?? []), event]);
  }
  return [...changes].flatMap(([id, ofJob]) => {
    const last = ofJob.at(-1) as Change;
    if (expiryTime(last.to, last.at) < Number.POSITIVE_INFINITY) return [];
    const history = ofJob.filter(({ type }) => type !== "saved");
    const reopened = history.filter(({ from }) => from !== null && isFinal(from)).length;
    return [
      { id, status: last.to, version: last.version, attempt: 1 + reopened, plan: isOrder(id) ? "done" : null, history },
    ];
  });
}
