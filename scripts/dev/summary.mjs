import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { root } from "./run.mjs";

/** Longest printed message of an error. */
const MESSAGE_LENGTH = 300;
/** Number of files that `slowestLines` names. */
const SLOWEST = 10;

/**
 * Fields of vitest's JSON report that are used here.
 *
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {FileReport[]} testResults
 */

/**
 * @typedef {object} FileReport
 * @property {string} name absolute path
 * @property {string} status
 * @property {string} [message] error outside of all tests of the file
 * @property {number} [startTime] in milliseconds
 * @property {number} [endTime] in milliseconds
 * @property {TestReport[]} assertionResults
 */

/**
 * @typedef {object} TestReport
 * @property {string} status
 * @property {string[]} ancestorTitles
 * @property {string} title
 * @property {string[] | null} [failureMessages]
 */

/**
 * @typedef {object} Summary
 * @property {number} passed number of tests
 * @property {string[]} failures name and error of each failure
 * @property {number} skipped number of tests
 * @property {FileTime[]} [files] duration of each file
 */

/**
 * @typedef {object} FileTime
 * @property {string} path relative to the root
 * @property {number} seconds
 */

/**
 * Summarises the tests of a run. Each of these is one failure: a failed test; a file that fails without a failed test, for example
 * because it could not be loaded; a run that fails outside of all tests; a run without tests; a run without a report.
 *
 * @param {Report | null} report null: there is no report
 * @param {number} exitCode exit code of vitest
 * @returns {Summary}
 */
export function summarize(report, exitCode) {
  if (report === null) return failed(`The run left no report (exit code ${exitCode}).`);
  const passed = report.numPassedTests;
  const failures = report.testResults.flatMap(failuresOf);
  if (failures.length === 0 && exitCode !== 0)
    failures.push(`The run failed outside of all tests (exit code ${exitCode}).`);
  if (failures.length === 0 && passed === 0) failures.push("No test ran.");
  return {
    passed,
    failures,
    skipped: report.numPendingTests + report.numTodoTests,
    files: report.testResults.map(({ name, startTime = 0, endTime = 0 }) => ({
      path: relative(root, name),
      seconds: (endTime - startTime) / 1000,
    })),
  };
}

/**
 * @param {string} reason
 * @returns {Summary} summary of a run that has only this failure
 */
export function failed(reason) {
  return { passed: 0, failures: [reason], skipped: 0 };
}

/** @param {FileReport} file */
function failuresOf({ name, status, message, assertionResults }) {
  const path = relative(root, name);
  const failedTests = assertionResults.filter((result) => result.status === "failed");
  if (status === "failed" && failedTests.length === 0) return [withError(path, message)];
  return failedTests.map(({ ancestorTitles, title, failureMessages }) =>
    withError([path, ...ancestorTitles, title].join(" > "), failureMessages?.[0]),
  );
}

/**
 * @param {string} name
 * @param {string} [error] message and stack. Only the first line is used
 */
function withError(name, error = "") {
  const [line = ""] = stripVTControlCharacters(error).trimStart().split("\n");
  if (line === "") return name;
  return `${name}\n  ${line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH)}…` : line}`;
}

/**
 * @param {readonly Summary[]} parts
 * @returns {Summary}
 */
export function sum(parts) {
  return {
    passed: parts.reduce((total, { passed }) => total + passed, 0),
    failures: parts.flatMap(({ failures }) => failures),
    skipped: parts.reduce((total, { skipped }) => total + skipped, 0),
  };
}

/**
 * @param {Summary} summary
 * @returns {string}
 */
export function countsLine({ passed, failures, skipped }) {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Lists the failures of a run.
 *
 * @param {string} title
 * @param {Summary} summary
 * @returns {string[]} lines, none if there are no failures
 */
export function failureLines(title, { failures }) {
  return failures.length === 0 ? [] : [title, ...failures.map((failure) => `- ${failure}`)];
}

/**
 * Lists the slowest files of a run.
 *
 * @param {Summary} summary
 * @returns {string[]} lines, none if no file ran
 */
export function slowestLines({ files = [] }) {
  if (files.length === 0) return [];
  const slowest = files.toSorted((left, right) => right.seconds - left.seconds).slice(0, SLOWEST);
  return ["Slowest files:", ...slowest.map(({ path, seconds }) => `- ${seconds.toFixed(1)} s  ${path}`)];
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
