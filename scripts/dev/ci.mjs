import { failedChecks } from "./check.mjs";
import { oldestNode } from "./node-versions.mjs";
import { print } from "./run.mjs";
import { countsLine, failed, failureLines, slowestLines, sum } from "./summary.mjs";
import { runTests } from "./test.mjs";

/** @typedef {import("./summary.mjs").Summary} Summary */

/** Time limit for one run of the tests, shorter than the limit of CI, so that a run that hangs still prints the last line. */
const LIMIT_MS = 35 * 60_000;

/**
 * Runs everything that must pass before a change is merged: the checks, all tests on the Node of the tools, and the tests
 * of the packages, the templates and a copy of the templates on the oldest Node. A failed check counts as one failure. The last
 * lines name the slowest files and each failed check and test, and contain the counts. The last one has the total.
 *
 * @returns {Promise<number>} the exit code
 */
export async function ci() {
  const checks = await part(async () => ({ passed: 0, failures: await failedChecks(), skipped: 0 }));
  const tools = await part(async () => (await runTests({ all: true, oldest: false, limitMs: LIMIT_MS })).summary);
  const oldest = await part(async () => (await runTests({ all: false, oldest: true, limitMs: LIMIT_MS })).summary);
  print(lastLines({ checks, tools, oldest }).join("\n"));
  return sum([checks, tools, oldest]).failures.length > 0 ? 1 : 0;
}

/**
 * @param {{ checks: Summary, tools: Summary, oldest: Summary }} summaries
 * @returns {string[]}
 */
export function lastLines({ checks, tools, oldest }) {
  return [
    "",
    ...slowestLines(tools),
    ...failureLines("Failed checks:", checks),
    ...failureLines("Failed tests on the Node of the tools:", tools),
    ...failureLines(`Failed tests on Node ${oldestNode}:`, oldest),
    `Failed checks: ${checks.failures.length}.`,
    `Tests on the Node of the tools: ${countsLine(tools)}.`,
    `Tests on Node ${oldestNode}: ${countsLine(oldest)}.`,
    countsLine(sum([checks, tools, oldest])),
  ];
}

/**
 * Runs one part. A part that throws counts as one failure, and the other parts still run.
 *
 * @param {() => Promise<Summary>} runPart
 */
async function part(runPart) {
  try {
    return await runPart();
  } catch (error) {
    console.error(error);
    return failed(`${error}`);
  }
}
