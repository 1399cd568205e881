import { describe, expect, test } from "vitest";
import { judge } from "../src/oracle/judge.js";
import type { FinalState, Run, Violation } from "../src/oracle/run.js";
import type { Operation, Outcome } from "../src/record.js";
import { applied, asked, created, deleted, moved, refused, runOf, saved, unavailable } from "./hand-made.js";

/** Promises that a run breaks, each once. */
const broken = (run: Run) => [...new Set(judge(run).map(({ promise }) => promise))];

const log = [created("a", "w.0-1", 5), moved("a", "todo", "doing", 2, "w.0-2+message", 105)];
const operations = [asked("w.0-1", "create", "a", 0, applied(1)), asked("w.0-2+message", "move", "a", 100, applied(2))];

/** The same run, with something else at its end. */
const ending = (final: Partial<FinalState>): Run => {
  const run = runOf(operations, log);
  return { ...run, final: { ...run.final, ...final } };
};

test("a run that keeps every promise breaks none", () => {
  expect(judge(runOf(operations, log))).toEqual([]);
});

test("what is unknown may have been made once or not at all", () => {
  const unknown = [
    asked("w.0-3", "move", "a", 200, unavailable(true)),
    asked("w.0-4", "move", "a", 300, unavailable(true)),
    asked("gone.0-1", "move", "a", 400, null),
    asked("gone.0-2", "delete", "a", 500, null),
  ];
  const made = [...log, moved("a", "doing", "doing", 3, "w.0-3", 205), moved("a", "doing", "done", 4, "gone.0-1", 900)];
  expect(judge(runOf([...operations, ...unknown], made))).toEqual([]);
  expect(judge(runOf([...operations, ...unknown], [...made, deleted("a", 1_400)]))).toEqual([]);
});

/** A save of `a` at version 2. */
const save = (op: string, outcome: Outcome | null): Operation => ({
  ...asked(op, "save", "a", 200, outcome),
  version: 3,
});

test("of several saves of one version, one is made; it may be one whose end is unknown", () => {
  const rivals = [save("w.0-4", refused("CONFLICT")), save("w.0-5", unavailable(true))];
  const made = [...log, saved("a", "doing", 3, 205)];
  expect(judge(runOf([...operations, save("w.0-3", applied(3)), ...rivals], made))).toEqual([]);
  expect(judge(runOf([...operations, ...rivals], made))).toEqual([]);
  expect(judge(runOf([...operations, ...rivals], log))).toEqual([]);
});

/** A job that has a second to live, from 200 on. */
const fading = [...log, moved("a", "doing", "fading", 3, "w.0-3", 200)];

test("what has expired is absent, and can be made again", () => {
  const again = [
    asked("w.0-3", "move", "a", 195, applied(3)),
    asked("w.0-4", "get", "a", 1_100, { is: "read", jobs: [["a", 3]] }),
    asked("w.0-5", "get", "a", 1_210, { is: "read", jobs: [["a", null]] }),
    asked("w.0-6", "create", "a", 1_300, applied(1)),
    asked("w.0-7", "get", "a", 1_310, { is: "read", jobs: [["a", 1]] }),
  ];
  expect(judge(runOf([...operations, ...again], [...fading, created("a", "w.0-6", 1_305)]))).toEqual([]);
  expect(judge(runOf([...operations, ...again.slice(0, 3)], fading))).toEqual([]);
});

test("a wait ends with the job, which may have moved on since it was as wanted", () => {
  const wait: Operation = {
    ...asked("w.0-3", "wait", "a", 100, { is: "read", jobs: [["a", 3]] }),
    until: ["doing"],
  };
  expect(judge(runOf([...operations, wait], [...log, moved("a", "doing", "failed", 3, "", 108)]))).toEqual([]);
});

describe("what a run must not do:", () => {
  const cases: readonly (readonly [what: string, run: Run, promise: Violation["promise"]])[] = [
    [
      "lose what it acknowledged",
      runOf([...operations, asked("w.0-3", "move", "a", 200, applied(3))], log),
      "acknowledged means made once",
    ],
    [
      "make twice what it acknowledged",
      runOf(operations, [...log, moved("a", "doing", "doing", 3, "w.0-2+message", 107)]),
      "acknowledged means made once",
    ],
    [
      "acknowledge another version than it made",
      runOf(
        [operations[0], asked("w.0-2+message", "move", "a", 100, applied(7))].flatMap((one) => one ?? []),
        log,
      ),
      "acknowledged means made once",
    ],
    [
      "acknowledge a deletion that it did not make",
      runOf([...operations, asked("w.0-3", "delete", "a", 200, applied(null))], log),
      "acknowledged means made once",
    ],
    [
      "make what it refused",
      runOf(
        [...operations, asked("w.0-3", "move", "a", 200, refused("CONFLICT"))],
        [...log, moved("a", "doing", "done", 3, "w.0-3", 205)],
      ),
      "refused means not made",
    ],
    [
      "make what it reported as not carried out",
      runOf(
        [...operations, asked("w.0-3", "move", "a", 200, unavailable(false))],
        [...log, moved("a", "doing", "done", 3, "w.0-3", 205)],
      ),
      "refused means not made",
    ],
    [
      "make something twice whose end is unknown",
      runOf(
        [...operations, asked("w.0-3", "move", "a", 200, unavailable(true))],
        [...log, moved("a", "doing", "doing", 3, "w.0-3", 205), moved("a", "doing", "doing", 4, "w.0-3", 206)],
      ),
      "made once or not at all",
    ],
    [
      "make something after its call has failed",
      runOf(
        [...operations, asked("w.0-3", "move", "a", 200, unavailable(true))],
        [...log, moved("a", "doing", "done", 3, "w.0-3", 212)],
      ),
      "never later",
    ],
    [
      "make something after the time of a call whose process was killed",
      runOf(
        [...operations, asked("gone.0-3", "move", "a", 200, null)],
        [...log, moved("a", "doing", "done", 3, "gone.0-3", 1_202)],
      ),
      "never later",
    ],
    ["delete what nobody asked to have deleted", runOf(operations, [...log, deleted("a", 300)]), "never later"],
    [
      "read what has not been for a while",
      runOf([...operations, asked("w.0-3", "get", "a", 200, { is: "read", jobs: [["a", 1]] })], log),
      "reads tell what is",
    ],
    [
      "read an absence of what is there",
      runOf([...operations, asked("w.0-3", "get", "a", 200, { is: "read", jobs: [["a", null]] })], log),
      "reads tell what is",
    ],
    [
      "end a wait for what has not come",
      runOf(
        [...operations, { ...asked("w.0-3", "wait", "a", 200, { is: "read", jobs: [["a", 2]] }), until: ["done"] }],
        log,
      ),
      "reads tell what is",
    ],
    [
      "read what has expired",
      runOf([...operations, asked("w.0-4", "get", "a", 1_210, { is: "read", jobs: [["a", 3]] })], fading),
      "reads tell what is",
    ],
    [
      "change what has expired",
      runOf(operations, [...fading, moved("a", "fading", "todo", 4, "", 1_205)]),
      "legal steps, contiguous versions",
    ],
    [
      "make again what has not expired",
      runOf(operations, [...fading, created("a", "", 1_190)]),
      "legal steps, contiguous versions",
    ],
    [
      "keep what has expired",
      ending({ log: fading, jobs: runOf(operations, log).final.jobs.map((job) => ({ ...job, status: "fading" })) }),
      "events are the history",
    ],
    [
      "acknowledge a save that it did not make",
      runOf([...operations, save("w.0-3", applied(3))], log),
      "acknowledged means made once",
    ],
    [
      "acknowledge two saves of one version",
      runOf(
        [...operations, save("w.0-3", applied(3)), save("w.0-4", applied(3))],
        [...log, saved("a", "doing", 3, 205)],
      ),
      "acknowledged means made once",
    ],
    ["save what nobody asked to have saved", runOf(operations, [...log, saved("a", "doing", 3, 205)]), "never later"],
    [
      "save after the call has failed",
      runOf([...operations, save("w.0-3", unavailable(true))], [...log, saved("a", "doing", 3, 220)]),
      "never later",
    ],
    [
      "take a step that the table forbids",
      runOf(operations, [...log, moved("a", "doing", "todo", 3, "", 300)]),
      "legal steps, contiguous versions",
    ],
    [
      "skip a version",
      runOf(operations, [...log, moved("a", "doing", "done", 4, "", 300)]),
      "legal steps, contiguous versions",
    ],
    [
      "overwrite unseen",
      runOf(operations, [...log, moved("a", "todo", "failed", 3, "", 300)]),
      "legal steps, contiguous versions",
    ],
    ["hold a job that no event tells of", ending({ log: [] }), "events are the history"],
    [
      "store another status than its events tell",
      ending({ jobs: runOf(operations, log).final.jobs.map((job) => ({ ...job, status: "done" })) }),
      "events are the history",
    ],
    [
      "count what is not there",
      ending({ counts: { todo: 0, doing: 2, done: 0, failed: 0, fading: 0 } }),
      "the index is the jobs",
    ],
    ["list in another status", ending({ byStatus: new Map([["todo", ["a"]]]) }), "the index is the jobs"],
    ["keep a key that no list shows", ending({ keys: ["a", "ghost"] }), "the index is the jobs"],
    [
      "keep an event from a watcher",
      runOf(operations, log, { watched: log.slice(1) }),
      "a watcher misses nothing unsaid",
    ],
    [
      "show a watcher an event twice",
      runOf(operations, log, { watched: [...log, ...log.slice(1)] }),
      "a watcher misses nothing unsaid",
    ],
    [
      "make a change and lose its message",
      runOf(operations, log, { received: [] }),
      "messages and changes belong together",
    ],
    [
      "send the message of a change that was not made",
      runOf([...operations, asked("w.0-3+message", "move", "a", 200, refused("CONFLICT"))], log, {
        received: ["w.0-2+message", "w.0-3+message"].map((op, n) => {
          return { line: "received", queue: "notices", id: `a.${2 + n}.0`, job: "a", op, at: 0 };
        }),
      }),
      "messages and changes belong together",
    ],
    [
      "leave a message in the outbox",
      ending({ outbox: { depth: 1, rejected: 0 } }),
      "messages and changes belong together",
    ],
    ["leave accepted work undone", runOf([], [created("work-1", "", 0)]), "accepted work is done"],
    [
      "answer too late",
      runOf(
        operations.map((one) => ({ ...one, settled: one.settled && { ...one.settled, tookMs: 1_101 } })),
        log,
      ),
      "every call settles in time, typed",
    ],
    [
      "leave a call without an answer",
      runOf([...operations, asked("w.0-3", "move", "a", 200, null)], log),
      "every call settles in time, typed",
    ],
    [
      "fail with an error that is not its own",
      runOf([...operations, asked("w.0-3", "get", "a", 200, { is: "untyped", reason: "TypeError" })], log),
      "every call settles in time, typed",
    ],
    [
      "print a secret",
      runOf(operations, log, { written: ["cannot reach redis://:s3cret@host"] }),
      "secrets stay secret",
    ],
    [
      "crash, or hang",
      runOf(operations, log, { problems: ["writer1 crashed"] }),
      "processes end, systems come to rest",
    ],
  ];

  test.each(cases)("%s", (_, run, promise) => {
    expect(broken(run)).toContain(promise);
  });

  test("and where it breaks one promise, no other is found broken", () => {
    expect(broken(runOf(operations, log, { watched: log.slice(1) }))).toEqual(["a watcher misses nothing unsaid"]);
  });
});

test("a watcher that was told so may have missed events, but not their order", () => {
  const [first, second] = log as [(typeof log)[0], (typeof log)[1]];
  expect(judge(runOf(operations, log, { watched: [{ type: "resync" }, second] }))).toEqual([]);
  expect(judge(runOf(operations, log, { watched: [first, { type: "resync" }] }))).toEqual([]);
  expect(judge(runOf(operations, log, { watched: [{ type: "resync" }, second, first] }))).not.toEqual([]);
});
