import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** @type {Set<number>} */
const groups = new Set();
/** @type {Set<string>} */
const paths = new Set();
/** @type {import("node:stream").Writable | undefined} */
let pipe;

/**
 * What is to be ended or removed when this process is gone, however it went.
 *
 * @typedef {object} Leftover
 * @property {number} [group] leader of a process group
 * @property {string} [path] file or folder
 */

/**
 * Has something cleaned up at the end of this process, unless {@link forget} comes first.
 *
 * @param {Leftover} leftover
 */
export function cleanUpLater({ group, path }) {
  if (group !== undefined) groups.add(group);
  if (path !== undefined) paths.add(path);
  tell();
}

/**
 * Takes something off the list: it has been cleaned up.
 *
 * @param {Leftover} leftover
 */
export function forget({ group, path }) {
  if (group !== undefined) groups.delete(group);
  if (path !== undefined) paths.delete(path);
  tell();
}

function tell() {
  pipe ??= startWatchdog();
  pipe.write(`${JSON.stringify({ groups: [...groups], paths: [...paths] })}\n`);
}

function startWatchdog() {
  const script = fileURLToPath(new URL("./watchdog.mjs", import.meta.url));
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "inherit"] });
  child.unref();
  // The pipe is ours for as long as we live; it must not keep us alive.
  /** @type {import("node:net").Socket} */ (child.stdin).unref();
  return child.stdin;
}
