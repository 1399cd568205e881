import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lastLines } from "../dev/ci.mjs";
import { oldestNode } from "../dev/node-versions.mjs";
import { root } from "../dev/run.mjs";
import { countsLine, failed, failureLines, skippedTests, slowestLines, sum, summarize } from "../dev/summary.mjs";

const empty = { numPassedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
const result = (title: string, failureMessages: string[] = []) => ({
  status: failureMessages.length === 0 ? "passed" : "failed",
  ancestorTitles: ["a suite"],
  title,
  failureMessages,
});

describe("summarize", () => {
  test("returns the numbers of the report", () => {
    const report = { ...empty, numPassedTests: 7, numPendingTests: 2, numTodoTests: 1 };
    expect(summarize(report, 0)).toEqual({ passed: 7, failures: [], skipped: 3, files: [] });
  });

  test("a file that could not be loaded is one failure, a file with failed tests has the failures of these tests", () => {
    const testResults = [
      { name: join(root, "broken.ts"), status: "failed", message: "Cannot find module\n  at x", assertionResults: [] },
      {
        name: join(root, "test", "failing.ts"),
        startTime: 1000,
        endTime: 2500,
        status: "failed",
        message: "",
        assertionResults: [result("passes"), result("fails", ["\u001b[31mError: No.\u001b[39m\n  at y"])],
      },
    ];
    expect(summarize({ ...empty, numPassedTests: 1, testResults }, 1)).toEqual({
      passed: 1,
      failures: ["broken.ts\n  Cannot find module", "test/failing.ts > a suite > fails\n  Error: No."],
      skipped: 0,
      files: [
        { path: "broken.ts", seconds: 0 },
        { path: "test/failing.ts", seconds: 1.5 },
      ],
    });
  });

  test("a failure without a message has its name only, and a long message is shortened", () => {
    const assertionResults = [result("silent", [""]), result("wordy", [`Error: ${"x".repeat(10_000)}`])];
    const testResults = [{ name: join(root, "a.ts"), status: "failed", assertionResults }];
    const [silent, wordy] = summarize({ ...empty, testResults }, 1).failures;
    expect(silent).toBe("a.ts > a suite > silent");
    expect(wordy).toMatch(/^a\.ts > a suite > wordy\n {2}Error: x{290,299}…$/);
  });

  test.each([
    ["there is no report", null, 0, "The run left no report (exit code 0)."],
    ["nothing ran", empty, 0, "No test ran."],
    ["everything was skipped", { ...empty, numPendingTests: 5 }, 0, "No test ran."],
    ["the run failed outside all tests", { ...empty, numPassedTests: 3 }, 1, "outside of all tests (exit code 1)."],
  ])("has one failure if %s", (_, report, exitCode, reason) => {
    expect(summarize(report, exitCode).failures).toEqual([expect.stringContaining(reason)]);
  });
});

test("the counts are printed in one line, with skipped tests only if there are any", () => {
  expect(countsLine({ passed: 12, failures: [], skipped: 0 })).toBe("12 passed, 0 failed");
  expect(countsLine({ passed: 12, failures: ["a"], skipped: 3 })).toBe("12 passed, 1 failed, 3 skipped");
});

test("failures are listed after a title, which is printed only if there are any", () => {
  expect(failureLines("Failed:", { passed: 1, failures: ["a\n  Error", "b"], skipped: 0 })).toEqual([
    "Failed:",
    "- a\n  Error",
    "- b",
  ]);
  expect(failureLines("Failed:", { passed: 1, failures: [], skipped: 0 })).toEqual([]);
});

test("the ten slowest files are listed, slowest first", () => {
  const files = Array.from({ length: 12 }, (_, index) => ({ path: `${index}.test.ts`, seconds: index / 2 }));
  const lines = slowestLines({ passed: 1, failures: [], skipped: 0, files });
  expect(lines).toHaveLength(11);
  expect(lines.slice(0, 3)).toEqual(["Slowest files:", "- 5.5 s  11.test.ts", "- 5.0 s  10.test.ts"]);
  expect(slowestLines(failed("It did not start."))).toEqual([]);
});

test("the sum of several runs adds each count, and has all failures", () => {
  const runs = [failed("a"), { passed: 12, failures: [], skipped: 3 }, { passed: 7, failures: ["b", "c"], skipped: 1 }];
  expect(sum(runs)).toEqual({ passed: 19, failures: ["a", "b", "c"], skipped: 4 });
});

test("the last lines of CI name each failed check and test, and contain the counts of each part and the total", () => {
  const checks = { passed: 0, failures: ["Workflows"], skipped: 0 };
  const tools = { passed: 5, failures: ["a.ts > a"], skipped: 0, files: [{ path: "a.ts", seconds: 61.25 }] };
  const oldest = { passed: 4, failures: [], skipped: 1 };
  expect(lastLines({ checks, tools, oldest })).toEqual([
    "",
    "Slowest files:",
    "- 61.3 s  a.ts",
    "Failed checks:",
    "- Workflows",
    "Failed tests on the Node of the tools:",
    "- a.ts > a",
    "Failed checks: 1.",
    "Tests on the Node of the tools: 5 passed, 1 failed.",
    `Tests on Node ${oldestNode}: 4 passed, 0 failed, 1 skipped.`,
    "9 passed, 2 failed, 1 skipped",
  ]);
});

describe("skippedTests", () => {
  test("returns no lines if all servers are available", () => {
    const redis = { from: "Docker", startable: true };
    expect(skippedTests({ redis, rabbitmq: redis })).toEqual([]);
  });

  test("names each missing server, the reason, and the four ways to run the tests", () => {
    const lines = skippedTests({
      redis: { missing: "no REDIS_URL", startable: false },
      rabbitmq: { from: "Docker", startable: false },
    });
    expect(lines[1]).toBe("- tests that need redis: no REDIS_URL");
    expect(lines[2]).toContain("a private rabbitmq");
    const options = lines.slice(3).join("\n");
    for (const option of [
      "REDIS_URL and RABBITMQ_URL",
      "Docker",
      "redis-server and rabbitmq-server",
      "root on Debian",
    ]) {
      expect(options).toContain(option);
    }
  });

  test("names the ways to run the tests of the browser only if the browser is missing", () => {
    const redis = { from: "Docker", startable: true };
    const lines = skippedTests({ redis, chromium: { missing: "no chromium", startable: true } });
    expect(lines).toContain("- tests that need chromium: no chromium");
    expect(lines.join("\n")).toContain("CHROMIUM_PATH");
    expect(skippedTests({ redis: { missing: "no REDIS_URL", startable: false } }).join("\n")).not.toContain(
      "CHROMIUM_PATH",
    );
  });
});
