import { failedChecks } from "./check.mjs";
import { oldestNode } from "./node-versions.mjs";
import { print } from "./run.mjs";
import { count, countsLine, sum } from "./summary.mjs";
import { runTests } from "./test.mjs";

/** Time limit for one run of the tests, shorter than the limit of CI, so that a run that hangs still prints the last line. */
const LIMIT_MS = 35 * 60_000;

/**
 * Runs everything that must pass before a change is merged: the checks, and the tests on both versions of Node. A failed check
 * counts as one failure. The last line contains the total.
 *
 * @returns {Promise<number>} the exit code
 */
export async function ci() {
  const checks = await part(async () => {
    const failures = await failedChecks();
    if (failures.length > 0) print(`\nFailed checks: ${failures.join("; ")}.`);
    return { passed: 0, failed: failures.length, skipped: 0 };
  });
  const tools = await part(async () => (await runTests({ oldest: false, limitMs: LIMIT_MS })).counts);
  const oldest = await part(async () => (await runTests({ oldest: true, limitMs: LIMIT_MS })).counts);

  const total = sum([checks, tools, oldest]);
  print("");
  print(`Failed checks: ${checks.failed}.`);
  print(`Tests on the Node of the tools: ${countsLine(tools)}.`);
  print(`Tests on Node ${oldestNode}: ${countsLine(oldest)}.`);
  print(countsLine(total));
  return total.failed > 0 ? 1 : 0;
}

/**
 * Runs one part. A part that throws counts as one failure, and the other parts still run.
 *
 * @param {() => Promise<import("./summary.mjs").Counts>} runPart
 */
async function part(runPart) {
  try {
    return await runPart();
  } catch (error) {
    console.error(error);
    return count(null, 1);
  }
}
