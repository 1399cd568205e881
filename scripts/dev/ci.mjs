import { failedChecks } from "./check.mjs";
import { oldestNode } from "./node-versions.mjs";
import { say } from "./run.mjs";
import { count, countsLine, sum } from "./summary.mjs";
import { runTests } from "./test.mjs";

/** Ends a run that hangs, so that the last line appears before CI gives up. */
const LIMIT_MS = 35 * 60_000;

/**
 * Everything that has to pass before a change is merged: the checks, and the tests on both versions of Node. A failed check
 * counts as one failure. The last line is the sum.
 *
 * @returns {Promise<number>} the exit code
 */
export async function ci() {
  const checks = await part(async () => {
    const failures = await failedChecks();
    if (failures.length > 0) say(`\nFailed checks: ${failures.join("; ")}.`);
    return { passed: 0, failed: failures.length, skipped: 0 };
  });
  const tools = await part(async () => (await runTests({ oldest: false, limitMs: LIMIT_MS })).counts);
  const oldest = await part(async () => (await runTests({ oldest: true, limitMs: LIMIT_MS })).counts);

  const total = sum([checks, tools, oldest]);
  say("");
  say(`Failed checks: ${checks.failed}.`);
  say(`Tests on the Node of the tools: ${countsLine(tools)}.`);
  say(`Tests on Node ${oldestNode}: ${countsLine(oldest)}.`);
  say(countsLine(total));
  return total.failed > 0 ? 1 : 0;
}

/**
 * A part that breaks off counts as one failure, and the others run all the same.
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
