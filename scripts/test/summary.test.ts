import { describe, expect, test } from "vitest";
import { count, countsLine, skippedTests, sum } from "../dev/summary.mjs";

const empty = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

describe("count", () => {
  test("returns the numbers of the report", () => {
    const report = { ...empty, numPassedTests: 7, numPendingTests: 2, numTodoTests: 1 };
    expect(count(report, 0)).toEqual({ passed: 7, failed: 0, skipped: 3 });
  });

  test("a file that could not be loaded counts as one failure, a file with failed tests counts these tests", () => {
    const testResults = [
      { name: "broken.ts", status: "failed", assertionResults: [] },
      { name: "failing.ts", status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] },
    ];
    const report = { ...empty, numPassedTests: 1, numFailedTests: 1, testResults };
    expect(count(report, 1)).toEqual({ passed: 1, failed: 2, skipped: 0 });
  });

  test.each([
    ["there is no report", null, 0],
    ["nothing ran", empty, 0],
    ["everything was skipped", { ...empty, numPendingTests: 5 }, 0],
    ["the run failed outside all tests", { ...empty, numPassedTests: 3 }, 1],
  ])("is a failure if %s", (_, report, exitCode) => {
    expect(count(report, exitCode).failed).toBe(1);
  });
});

test("the counts are printed in one line, with skipped tests only if there are any", () => {
  expect(countsLine({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed");
  expect(countsLine({ passed: 12, failed: 1, skipped: 3 })).toBe("12 passed, 1 failed, 3 skipped");
});

test("the sum of several runs adds each count", () => {
  const runs = [
    { passed: 0, failed: 2, skipped: 0 },
    { passed: 12, failed: 0, skipped: 3 },
    { passed: 7, failed: 1, skipped: 1 },
  ];
  expect(sum(runs)).toEqual({ passed: 19, failed: 3, skipped: 4 });
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
