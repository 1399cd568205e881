import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** @type {Set<number>} */
const groups = new Set();
/** @type {Set<string>} */
const paths = new Set();
/** @type {import("node:stream").Writable | undefined} */
let pipe;

/**
 * Process group to kill, or file to remove, after this process has ended for any reason.
 *
 * @typedef {object} Leftover
 * @property {number} [group] id of the process group's leader
 * @property {string} [path] file or folder
 */

/**
 * Registers a leftover. The watchdog cleans it up after this process has ended, unless {@link forget} was called before.
 *
 * @param {Leftover} leftover
 */
export function cleanUpLater({ group, path }) {
  if (group !== undefined) groups.add(group);
  if (path !== undefined) paths.add(path);
  sendToWatchdog();
}

/**
 * Removes a leftover from the list, because it has been cleaned up.
 *
 * @param {Leftover} leftover
 */
export function forget({ group, path }) {
  if (group !== undefined) groups.delete(group);
  if (path !== undefined) paths.delete(path);
  sendToWatchdog();
}

/** Sends the complete list of leftovers to the watchdog. */
function sendToWatchdog() {
  startWatchdog();
  pipe?.write(`${JSON.stringify({ groups: [...groups], paths: [...paths] })}\n`);
}

/** Starts the watchdog, if it does not run. Before the start of a program, so that the program is registered at once. */
export function startWatchdog() {
  if (pipe !== undefined) return;
  const script = fileURLToPath(new URL("./watchdog.mjs", import.meta.url));
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "inherit"] });
  child.unref();
  // The open pipe must not keep this process alive.
  /** @type {import("node:net").Socket} */ (child.stdin).unref();
  pipe = child.stdin;
}
