/**
 * What vitest's JSON report says; only what is used here.
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
 * Counts what ran. A file that fails without a failed test (it could not be loaded, say) counts as one failure; so does
 * a run that failed for a reason outside all tests, that ran nothing, or that left no report.
 *
 * @param {Report | null} report
 * @param {number} exitCode vitest's
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
  const otherwise = exitCode !== 0 || passed === 0 ? 1 : 0;
  return { passed, failed: failed || otherwise, skipped };
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
 * What the global set-up of the tests reports about a server.
 *
 * @typedef {object} ServerReport
 * @property {string} [from] where it came from
 * @property {string} [missing] why there is none
 * @property {boolean} startable whether tests can start their own
 */

const browserWays = [
  "And for chromium:",
  "- CHROMIUM_PATH, the path of its program; or chromium on the PATH; or being root on Debian, where it is then installed",
];

/**
 * What was not tried for want of a server or a browser, and how to have it tried.
 *
 * @param {Record<string, ServerReport>} servers
 * @returns {string[]} lines
 */
export function notTried(servers) {
  const missing = Object.entries(servers).flatMap(([name, server]) => {
    if (server.missing !== undefined) return [`- what needs ${name}: ${server.missing}`];
    return server.startable ? [] : [`- what kills and restarts a ${name} of its own: no ${name}-server found`];
  });
  if (missing.length === 0) return [];
  return [
    "Not tried:",
    ...missing,
    "Any of these lets it run:",
    "- REDIS_URL and RABBITMQ_URL, the addresses of servers (names get a private prefix, nothing else is touched)",
    "- Docker",
    "- redis-server and rabbitmq-server installed on this machine (they need not run)",
    "- being root on Debian or Ubuntu, where these two packages are then installed",
    ...(servers.chromium?.missing === undefined ? [] : browserWays),
  ];
}
