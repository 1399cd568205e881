import { describe, expect, test } from "vitest";
import { findViolations } from "../src/checker/find-violations.js";
import type { FinalState, Recording, Violation } from "../src/checker/recording.js";
import type { Operation, Outcome } from "../src/journal.js";
import {
  applied,
  created,
  deleted,
  moved,
  operation,
  recordingOf,
  rejected,
  saved,
  unavailable,
} from "./recordings.js";

/** Returns the violated guarantees, each once. */
const violatedIn = (recording: Recording) => [...new Set(findViolations(recording).map(({ guarantee }) => guarantee))];

const log = [created("a", "w.0-1", 5), moved("a", "todo", "doing", 2, "w.0-2+message", 105)];
const operations = [
  operation("w.0-1", "create", "a", 0, applied(1)),
  operation("w.0-2+message", "move", "a", 100, applied(2)),
];

/** Returns the recording of `operations` and `log` with another final state. */
const withFinal = (final: Partial<FinalState>): Recording => {
  const recording = recordingOf(operations, log);
  return { ...recording, final: { ...recording.final, ...final } };
};

test("finds no violation in a correct round", () => {
  expect(findViolations(recordingOf(operations, log))).toEqual([]);
});

test("allows an indeterminate change to be applied once or not at all", () => {
  const unknown = [
    operation("w.0-3", "move", "a", 200, unavailable(true)),
    operation("w.0-4", "move", "a", 300, unavailable(true)),
    operation("gone.0-1", "move", "a", 400, null),
    operation("gone.0-2", "delete", "a", 500, null),
  ];
  const made = [...log, moved("a", "doing", "doing", 3, "w.0-3", 205), moved("a", "doing", "done", 4, "gone.0-1", 900)];
  expect(findViolations(recordingOf([...operations, ...unknown], made))).toEqual([]);
  expect(findViolations(recordingOf([...operations, ...unknown], [...made, deleted("a", 1_400)]))).toEqual([]);
});

/** Returns a save of job `a` at version 2. */
const save = (op: string, outcome: Outcome | null): Operation => ({
  ...operation(op, "save", "a", 200, outcome),
  version: 3,
});

test("allows one of several saves of a version, also an indeterminate one", () => {
  const rivals = [save("w.0-4", rejected("CONFLICT")), save("w.0-5", unavailable(true))];
  const made = [...log, saved("a", "doing", 3, 205)];
  expect(findViolations(recordingOf([...operations, save("w.0-3", applied(3)), ...rivals], made))).toEqual([]);
  expect(findViolations(recordingOf([...operations, ...rivals], made))).toEqual([]);
  expect(findViolations(recordingOf([...operations, ...rivals], log))).toEqual([]);
});

/** Events of a job that expires one second after 200. */
const fading = [...log, moved("a", "doing", "fading", 3, "w.0-3", 200)];

test("expects an expired job to be absent, and allows its id to be used again", () => {
  const again = [
    operation("w.0-3", "move", "a", 195, applied(3)),
    operation("w.0-4", "get", "a", 1_100, { is: "read", jobs: [["a", 3]] }),
    operation("w.0-5", "get", "a", 1_210, { is: "read", jobs: [["a", null]] }),
    operation("w.0-6", "create", "a", 1_300, applied(1)),
    operation("w.0-7", "get", "a", 1_310, { is: "read", jobs: [["a", 1]] }),
  ];
  expect(findViolations(recordingOf([...operations, ...again], [...fading, created("a", "w.0-6", 1_305)]))).toEqual([]);
  expect(findViolations(recordingOf([...operations, ...again.slice(0, 3)], fading))).toEqual([]);
});

test("allows the job of a wait to have changed again after it had an expected status", () => {
  const wait: Operation = {
    ...operation("w.0-3", "wait", "a", 100, { is: "read", jobs: [["a", 3]] }),
    until: ["doing"],
  };
  expect(
    findViolations(recordingOf([...operations, wait], [...log, moved("a", "doing", "failed", 3, "", 108)])),
  ).toEqual([]);
});

describe("detects a system that", () => {
  const cases: readonly (readonly [system: string, recording: Recording, guarantee: Violation["guarantee"]])[] = [
    [
      "loses an acknowledged change",
      recordingOf([...operations, operation("w.0-3", "move", "a", 200, applied(3))], log),
      "an acknowledged change is applied once",
    ],
    [
      "applies an acknowledged change twice",
      recordingOf(operations, [...log, moved("a", "doing", "doing", 3, "w.0-2+message", 107)]),
      "an acknowledged change is applied once",
    ],
    [
      "returns another version than it stores",
      recordingOf(
        [operations[0], operation("w.0-2+message", "move", "a", 100, applied(7))].flatMap((one) => one ?? []),
        log,
      ),
      "an acknowledged change is applied once",
    ],
    [
      "acknowledges a deletion without deleting the job",
      recordingOf([...operations, operation("w.0-3", "delete", "a", 200, applied(null))], log),
      "an acknowledged change is applied once",
    ],
    [
      "applies a rejected change",
      recordingOf(
        [...operations, operation("w.0-3", "move", "a", 200, rejected("CONFLICT"))],
        [...log, moved("a", "doing", "done", 3, "w.0-3", 205)],
      ),
      "a rejected change is not applied",
    ],
    [
      "applies a change that it reported as not applied",
      recordingOf(
        [...operations, operation("w.0-3", "move", "a", 200, unavailable(false))],
        [...log, moved("a", "doing", "done", 3, "w.0-3", 205)],
      ),
      "a rejected change is not applied",
    ],
    [
      "applies an indeterminate change twice",
      recordingOf(
        [...operations, operation("w.0-3", "move", "a", 200, unavailable(true))],
        [...log, moved("a", "doing", "doing", 3, "w.0-3", 205), moved("a", "doing", "doing", 4, "w.0-3", 206)],
      ),
      "an indeterminate change is applied at most once",
    ],
    [
      "applies a change after its call has failed",
      recordingOf(
        [...operations, operation("w.0-3", "move", "a", 200, unavailable(true))],
        [...log, moved("a", "doing", "done", 3, "w.0-3", 212)],
      ),
      "a change is applied only during its call",
    ],
    [
      "applies a change of a killed process after the timeout of its call",
      recordingOf(
        [...operations, operation("gone.0-3", "move", "a", 200, null)],
        [...log, moved("a", "doing", "done", 3, "gone.0-3", 1_202)],
      ),
      "a change is applied only during its call",
    ],
    [
      "deletes a job without a call",
      recordingOf(operations, [...log, deleted("a", 300)]),
      "a change is applied only during its call",
    ],
    [
      "returns an old version",
      recordingOf([...operations, operation("w.0-3", "get", "a", 200, { is: "read", jobs: [["a", 1]] })], log),
      "a read returns a state that existed during the call",
    ],
    [
      "returns null for an existing job",
      recordingOf([...operations, operation("w.0-3", "get", "a", 200, { is: "read", jobs: [["a", null]] })], log),
      "a read returns a state that existed during the call",
    ],
    [
      "ends a wait before the job has an expected status",
      recordingOf(
        [...operations, { ...operation("w.0-3", "wait", "a", 200, { is: "read", jobs: [["a", 2]] }), until: ["done"] }],
        log,
      ),
      "a read returns a state that existed during the call",
    ],
    [
      "returns an expired job",
      recordingOf([...operations, operation("w.0-4", "get", "a", 1_210, { is: "read", jobs: [["a", 3]] })], fading),
      "a read returns a state that existed during the call",
    ],
    [
      "changes an expired job",
      recordingOf(operations, [...fading, moved("a", "fading", "todo", 4, "", 1_205)]),
      "transitions are allowed and versions are consecutive",
    ],
    [
      "creates a job again before it has expired",
      recordingOf(operations, [...fading, created("a", "", 1_190)]),
      "transitions are allowed and versions are consecutive",
    ],
    [
      "keeps an expired job",
      withFinal({
        log: fading,
        jobs: recordingOf(operations, log).final.jobs.map((job) => ({ ...job, status: "fading" })),
      }),
      "the events match the stored jobs",
    ],
    [
      "acknowledges a save without saving the job",
      recordingOf([...operations, save("w.0-3", applied(3))], log),
      "an acknowledged change is applied once",
    ],
    [
      "acknowledges two saves of one version",
      recordingOf(
        [...operations, save("w.0-3", applied(3)), save("w.0-4", applied(3))],
        [...log, saved("a", "doing", 3, 205)],
      ),
      "an acknowledged change is applied once",
    ],
    [
      "saves a job without a call",
      recordingOf(operations, [...log, saved("a", "doing", 3, 205)]),
      "a change is applied only during its call",
    ],
    [
      "saves a job after the call has failed",
      recordingOf([...operations, save("w.0-3", unavailable(true))], [...log, saved("a", "doing", 3, 220)]),
      "a change is applied only during its call",
    ],
    [
      "makes a transition that is not allowed",
      recordingOf(operations, [...log, moved("a", "doing", "todo", 3, "", 300)]),
      "transitions are allowed and versions are consecutive",
    ],
    [
      "skips a version",
      recordingOf(operations, [...log, moved("a", "doing", "done", 4, "", 300)]),
      "transitions are allowed and versions are consecutive",
    ],
    [
      "changes a job from another status than its current one",
      recordingOf(operations, [...log, moved("a", "todo", "failed", 3, "", 300)]),
      "transitions are allowed and versions are consecutive",
    ],
    ["stores a job without events", withFinal({ log: [] }), "the events match the stored jobs"],
    [
      "stores another status than its events contain",
      withFinal({ jobs: recordingOf(operations, log).final.jobs.map((job) => ({ ...job, status: "done" })) }),
      "the events match the stored jobs",
    ],
    [
      "counts jobs that do not exist",
      withFinal({ counts: { todo: 0, doing: 2, waiting: 0, done: 0, failed: 0, cancelled: 0, fading: 0 } }),
      "the indexes match the jobs",
    ],
    [
      "lists a job in another status",
      withFinal({ byStatus: new Map([["todo", ["a"]]]) }),
      "the indexes match the jobs",
    ],
    ["keeps a key that is in no list", withFinal({ keys: ["a", "ghost"] }), "the indexes match the jobs"],
    [
      "does not deliver an event to a watcher",
      recordingOf(operations, log, { watched: log.slice(1) }),
      "a watcher receives every event or a resync",
    ],
    [
      "delivers an event twice to a watcher",
      recordingOf(operations, log, { watched: [...log, ...log.slice(1)] }),
      "a watcher receives every event or a resync",
    ],
    [
      "applies a change and loses its message",
      recordingOf(operations, log, { received: [] }),
      "a change and its message are stored together",
    ],
    [
      "sends the message of a change that was not applied",
      recordingOf([...operations, operation("w.0-3+message", "move", "a", 200, rejected("CONFLICT"))], log, {
        received: ["w.0-2+message", "w.0-3+message"].map((op, n) => {
          return { line: "received", queue: "notices", id: `a.${2 + n}.0`, job: "a", op, at: 0 };
        }),
      }),
      "a change and its message are stored together",
    ],
    [
      "leaves a message in the outbox",
      withFinal({ outbox: { depth: 1, rejected: 0 } }),
      "a change and its message are stored together",
    ],
    ["does not complete accepted work", recordingOf([], [created("work-1", "", 0)]), "accepted work ends exactly once"],
    [
      "ends a call after its timeout",
      recordingOf(
        operations.map((one) => ({ ...one, end: one.end && { ...one.end, durationMs: 1_101 } })),
        log,
      ),
      "every call ends in time, with a result or a typed error",
    ],
    [
      "never ends a call",
      recordingOf([...operations, operation("w.0-3", "move", "a", 200, null)], log),
      "every call ends in time, with a result or a typed error",
    ],
    [
      "fails with an error that is not a JobStoreError",
      recordingOf([...operations, operation("w.0-3", "get", "a", 200, { is: "untyped", reason: "TypeError" })], log),
      "every call ends in time, with a result or a typed error",
    ],
    [
      "writes a secret",
      recordingOf(operations, log, { written: ["cannot reach redis://:s3cret@host"] }),
      "no secret is written",
    ],
    [
      "crashes",
      recordingOf(operations, log, { problems: ["writer1 crashed"] }),
      "processes end and the system becomes idle",
    ],
  ];

  test.each(cases)("%s", (_, recording, guarantee) => {
    expect(violatedIn(recording)).toContain(guarantee);
  });

  test("violates one guarantee, and reports only this one", () => {
    expect(violatedIn(recordingOf(operations, log, { watched: log.slice(1) }))).toEqual([
      "a watcher receives every event or a resync",
    ]);
  });
});

test("allows a watcher to miss events after a resync, but not to receive them in another order", () => {
  const [first, second] = log as [(typeof log)[0], (typeof log)[1]];
  expect(findViolations(recordingOf(operations, log, { watched: [{ type: "resync" }, second] }))).toEqual([]);
  expect(findViolations(recordingOf(operations, log, { watched: [first, { type: "resync" }] }))).toEqual([]);
  expect(findViolations(recordingOf(operations, log, { watched: [{ type: "resync" }, second, first] }))).not.toEqual(
    [],
  );
});
