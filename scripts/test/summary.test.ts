import { describe, expect, test } from "vitest";
import { count, countsLine, notTried, sum } from "../dev/summary.mjs";

const empty = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

describe("count", () => {
  test("takes the numbers of the report", () => {
    const report = { ...empty, numPassedTests: 7, numPendingTests: 2, numTodoTests: 1 };
    expect(count(report, 0)).toEqual({ passed: 7, failed: 0, skipped: 3 });
  });

  test("counts a file that could not be loaded as one failure, one with failed tests by those", () => {
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
  ])("never says that all is well when %s", (_, report, exitCode) => {
    expect(count(report, exitCode).failed).toBe(1);
  });
});

test("the counts fit in one line, skipped ones only where there are any", () => {
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

describe("notTried", () => {
  test("is silent where everything ran", () => {
    const redis = { from: "Docker", startable: true };
    expect(notTried({ redis, rabbitmq: redis })).toEqual([]);
  });

  test("names what is missing, why, and the four ways to get it", () => {
    const lines = notTried({
      redis: { missing: "no REDIS_URL", startable: false },
      rabbitmq: { from: "Docker", startable: false },
    });
    expect(lines[1]).toBe("- what needs redis: no REDIS_URL");
    expect(lines[2]).toContain("a rabbitmq of its own");
    const ways = lines.slice(3).join("\n");
    for (const way of ["REDIS_URL and RABBITMQ_URL", "Docker", "redis-server and rabbitmq-server", "root on Debian"]) {
      expect(ways).toContain(way);
    }
  });

  test("says of a missing browser what would let it run, and only then", () => {
    const redis = { from: "Docker", startable: true };
    const lines = notTried({ redis, chromium: { missing: "no chromium", startable: true } });
    expect(lines).toContain("- what needs chromium: no chromium");
    expect(lines.join("\n")).toContain("CHROMIUM_PATH");
    expect(notTried({ redis: { missing: "no REDIS_URL", startable: false } }).join("\n")).not.toContain(
      "CHROMIUM_PATH",
    );
  });
});
