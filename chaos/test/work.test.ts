import { describe, expect, test } from "vitest";
import { findViolations } from "../src/checker/find-violations.js";
import type { Recording, Run, Violation } from "../src/checker/recording.js";
import { workStatistics } from "../src/checker/work.js";
import { LEASE_MS } from "../src/client/settings.js";
import type { LoggedEvent } from "../src/journal.js";
import type { Status } from "../src/workload.js";
import { applied, created, deleted, moved, operation, recordingOf, T0 } from "./recordings.js";

const JOB = "work-1";
const [ONE, TWO] = ["worker1.0", "worker2.0"] as const;

const ordered = operation("w.0-1", "create", JOB, 0, applied(1), "work");
const first = created(JOB, "w.0-1", 5);
const claimed = (by: string, version: number, at: number, from: Status = "doing") =>
  moved(JOB, from, "doing", version, by, at);
const ended = (by: string, to: Status, version: number, at: number) => moved(JOB, "doing", to, version, by, at);

/** Returns a run of the order from `at` until `endedAt`, in ms since the start of the round. */
const run = (process: string, version: number, at: number, endedAt: number | null): Run => ({
  run: `${process}-run${version}`,
  process,
  job: JOB,
  version,
  at: T0 + at,
  endedAt: endedAt === null ? null : T0 + endedAt,
  end: endedAt === null ? null : "done",
});

const event = (
  process: string,
  type: "started" | "done" | "failed" | "lost" | "retrying" | "skipped",
  to?: string,
) => ({
  line: "worker" as const,
  process,
  event: { type, message: "…", jobId: JOB, messageId: `${JOB}.1.0`, ...(to !== undefined && { to }) },
  at: T0,
});

/** Returns the recording of a round with one order. */
function work(log: readonly LoggedEvent[], changes: Partial<Recording>): Recording {
  return recordingOf([ordered], [first, ...log], {
    received: [],
    workerEvents: [event(ONE, "started")],
    closing: new Map([ONE, TWO].map((name) => [name, T0 + 60_000])),
    ...changes,
  });
}

const good = work([claimed(ONE, 2, 100, "todo"), ended(ONE, "done", 3, 150)], {
  runs: [run(ONE, 2, 101, 149)],
  workerEvents: [event(ONE, "started"), event(ONE, "done", "done")],
});

/** Order that a second worker claims `afterMs` after the first one, whose run is lost. */
const takeover = (afterMs: number, changes: Partial<Recording> = {}) =>
  work([claimed(ONE, 2, 100, "todo"), claimed(TWO, 3, 100 + afterMs), ended(TWO, "done", 4, 200 + afterMs)], {
    runs: [run(ONE, 2, 101, 300), run(TWO, 3, 101 + afterMs, 150 + afterMs)],
    workerEvents: [event(ONE, "started"), event(ONE, "lost"), event(TWO, "started"), event(TWO, "done", "done")],
    ...changes,
  });

/** Order whose first attempt fails, and is retried `afterMs` later. */
const retried = (afterMs: number) =>
  work(
    [
      claimed(ONE, 2, 100, "todo"),
      ended(ONE, "doing", 3, 150),
      claimed(TWO, 4, 150 + afterMs),
      ended(TWO, "done", 5, 200 + afterMs),
    ],
    {
      runs: [run(ONE, 2, 101, 149), run(TWO, 4, 151 + afterMs, 160 + afterMs)],
      workerEvents: [event(ONE, "started"), event(ONE, "retrying", "doing"), event(TWO, "done", "done")],
    },
  );

test("finds no violation in the rounds of correct workers", () => {
  expect(findViolations(good)).toEqual([]);
  expect(findViolations(takeover(LEASE_MS))).toEqual([]);
  expect(findViolations(retried(200))).toEqual([]);
});

test("allows a worker that closes to end its lease, and one that was killed to leave out its reports", () => {
  expect(findViolations(takeover(1_000, { closing: new Map([[ONE, T0 + 900]]) }))).toEqual([]);
  const killed = { killed: new Set([ONE]), workerEvents: [event(ONE, "started"), event(TWO, "done", "done")] };
  expect(
    findViolations(takeover(LEASE_MS, { ...killed, runs: [run(ONE, 2, 101, null), run(TWO, 3, 8_000, 8_010)] })),
  ).toEqual([]);
});

test("allows a worker that closes to leave out the report of a run that an outage ended", () => {
  const workerEvents = [event(ONE, "started"), event(TWO, "done", "done")];
  const runOfTwo = run(TWO, 3, 101 + LEASE_MS, 150 + LEASE_MS);
  const recording = (end: string) =>
    takeover(LEASE_MS, { runs: [{ ...run(ONE, 2, 101, 300), end }, runOfTwo], workerEvents });
  expect(findViolations(recording("QueueError"))).toEqual([]);
  expect(findViolations(recording("Error"))).toMatchObject([{ guarantee: "every run ends and is reported" }]);
});

test("allows a user to delete an order", () => {
  const recording = work([claimed(ONE, 2, 100, "todo"), deleted(JOB, 150)], {
    runs: [run(ONE, 2, 101, 200)],
    workerEvents: [event(ONE, "started"), event(ONE, "lost")],
  });
  const deletion = operation("w.0-2", "delete", JOB, 145, applied(null));
  expect(findViolations({ ...recording, operations: [...recording.operations, deletion] })).toEqual([]);
});

test("counts orders, runs, and the runs after a lost lease", () => {
  const counts = { orders: 1, runs: 2, takeovers: 1 };
  expect(workStatistics(takeover(LEASE_MS))).toEqual({ ...counts, ofKilled: 0 });
  expect(workStatistics(takeover(LEASE_MS, { killed: new Set([ONE]) }))).toEqual({ ...counts, ofKilled: 1 });
});

describe("detects workers that", () => {
  const cases: readonly (readonly [system: string, recording: Recording, guarantee: Violation["guarantee"]])[] = [
    [
      "leave an order in a status that is not final",
      work([claimed(ONE, 2, 100, "todo")], { runs: [run(ONE, 2, 101, null)], killed: new Set([ONE]) }),
      "accepted work ends exactly once",
    ],
    [
      "end an order in another way than planned",
      work([claimed(ONE, 2, 100, "todo"), ended(ONE, "failed", 3, 150)], {
        runs: [run(ONE, 2, 101, 149)],
        workerEvents: [event(ONE, "started"), event(ONE, "failed", "failed")],
      }),
      "accepted work ends exactly once",
    ],
    ["claim a job whose lease has not ended", takeover(LEASE_MS - 2), "a job has one worker at a time"],
    [
      "claim a job after an outage that was counted as lease time",
      takeover(LEASE_MS + 7_000, { outages: [{ from: T0 + 200, to: T0 + 8_200 }] }),
      "a job has one worker at a time",
    ],
    ["retry a job before it is due", retried(190), "a job has one worker at a time"],
    [
      "run a job without a claim",
      { ...good, runs: [...good.runs, run(TWO, 1, 10, 20)] },
      "a job has one worker at a time",
    ],
    [
      "run a claim twice at the same time",
      { ...good, runs: [...good.runs, { ...run(ONE, 2, 140, 149), run: "other" }] },
      "a job has one worker at a time",
    ],
    [
      "store the outcome of a lost run",
      work(
        [claimed(ONE, 2, 100, "todo"), moved(JOB, "doing", "cancelled", 3, "w.0-9", 120), ended(ONE, "done", 4, 150)],
        {
          runs: [run(ONE, 2, 101, 149)],
          workerEvents: [event(ONE, "started"), event(ONE, "lost")],
        },
      ),
      "only the worker that owns a job stores an outcome",
    ],
    [
      "store the outcome of a run that they report as lost",
      { ...good, workerEvents: [event(ONE, "started"), event(ONE, "lost")] },
      "every run ends and is reported",
    ],
    [
      "report an outcome that is not stored",
      { ...takeover(LEASE_MS), workerEvents: [event(ONE, "done", "done"), event(TWO, "done", "done")] },
      "every run ends and is reported",
    ],
    [
      "end a run without a report",
      { ...good, workerEvents: [event(ONE, "started")] },
      "every run ends and is reported",
    ],
    [
      "store progress after the job was cancelled",
      work(
        [
          claimed(ONE, 2, 100, "todo"),
          moved(JOB, "doing", "cancelled", 3, "w.0-9", 120),
          { type: "progress", job: JOB, version: 3, at: T0 + 130, by: `${ONE}-run2` },
        ],
        { runs: [run(ONE, 2, 101, 149)], workerEvents: [event(ONE, "started"), event(ONE, "lost")] },
      ),
      "only the worker that owns a job stores an outcome",
    ],
    [
      "never receive the message of an order",
      {
        ...good,
        workerEvents: [event(ONE, "done", "done")].map((one) => ({
          ...one,
          event: { ...one.event, messageId: "other" },
        })),
      },
      "a change and its message are stored together",
    ],
  ];

  test.each(cases)("%s", (_, recording, guarantee) => {
    const found = [...new Set(findViolations(recording).map((violation) => violation.guarantee))];
    expect(found).toContain(guarantee);
  });
});
