/**
 * Fields of vitest's JSON report that are used here.
 *
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ name: string, status: string, assertionResults: { status: string }[] }[]} testResults
 */

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 */

/**
 * Counts the tests of a run. Each of these counts as one failure: a file that fails without a failed test, for example because it
 * could not be loaded; a run that fails outside of all tests; a run without tests; a run without a report.
 *
 * @param {Report | null} report null: there is no report
 * @param {number} exitCode exit code of vitest
 * @returns {Counts}
 */
export function count(report, exitCode) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((result) => result.status !== "failed"),
  ).length;
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + brokenFiles;
  const skipped = report.numPendingTests + report.numTodoTests;
  const failedRun = exitCode !== 0 || passed === 0 ? 1 : 0;
  return { passed, failed: failed || failedRun, skipped };
}

/**
 * @param {readonly Counts[]} parts
 * @returns {Counts}
 */
export function sum(parts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of parts) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/**
 * @param {Counts} counts
 * @returns {string}
 */
export function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Report of the global set-up about a server or the browser.
 *
 * @typedef {object} ServerReport
 * @property {string} [from] source of the server, for example "Docker"
 * @property {string} [missing] reason why there is no server
 * @property {boolean} startable true if tests can start private instances
 */

const browserOptions = [
  "To run the tests that need chromium:",
  "- set CHROMIUM_PATH to the path of the program, or add chromium to the PATH, or run as root on Debian, which installs it",
];

/**
 * Describes the tests that were skipped because a server or the browser is missing, and the ways to run them.
 *
 * @param {Record<string, ServerReport>} servers
 * @returns {string[]} lines
 */
export function skippedTests(servers) {
  const missing = Object.entries(servers).flatMap(([name, server]) => {
    if (server.missing !== undefined) return [`- tests that need ${name}: ${server.missing}`];
    return server.startable ? [] : [`- tests that stop and restart a private ${name}: no ${name}-server found`];
  });
  if (missing.length === 0) return [];
  return [
    "Skipped:",
    ...missing,
    "To run them, use one of these:",
    "- set REDIS_URL and RABBITMQ_URL to the addresses of servers (all names get the prefix of the run, no other data is changed)",
    "- start Docker",
    "- install redis-server and rabbitmq-server (they do not need to run)",
    "- run as root on Debian or Ubuntu, which installs these two packages",
    ...(servers.chromium?.missing === undefined ? [] : browserOptions),
  ];
}
