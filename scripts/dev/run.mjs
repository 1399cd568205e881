import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanUpLater, forget, startWatchdog } from "./clean-up.mjs";

/** Path of the checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

const windows = process.platform === "win32";

/** PATH of child processes: entries of {@link searchFirst}, then the tools of this checkout, then the PATH of this process. */
let path = `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`;

/** Returns the PATH of child processes. */
export function toolsPath() {
  return path;
}

/** @param {string} added PATH that child processes search before all other entries */
export function searchFirst(added) {
  path = `${added}${delimiter}${path}`;
}

/** @param {string} line */
export function print(line) {
  console.log(line);
}

/** Returns true if this process has received a signal to end. */
export function isInterrupted() {
  return interruptedBy !== undefined;
}

/** @type {import("node:child_process").ChildProcess | undefined} */
let child;
/** @type {NodeJS.Signals | undefined} */
let interruptedBy;

// The child is the leader of its own process group. The terminal therefore sends Ctrl-C only to this process, which passes the signal
// to the group, so that each process of the group receives it once. Processes that have not ended after ten seconds or at the second
// Ctrl-C are killed. If this process is killed, the watchdog kills the group.
for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    if (interruptedBy === undefined) {
      interruptedBy = signal;
      signalChild(signal);
      const first = Date.now();
      setTimeout(() => signalChild("SIGKILL"), 10_000).unref();
      // npm repeats the signal of the terminal immediately. This is not a second Ctrl-C.
      process.on(signal, () => Date.now() - first > 500 && signalChild("SIGKILL"));
    }
  });
}

/**
 * Sends a signal to the process group of a child.
 *
 * @param {NodeJS.Signals} signal
 */
function signalChild(signal, target = child) {
  if (target?.pid === undefined) return;
  try {
    if (windows) target.kill(signal);
    else process.kill(-target.pid, signal);
  } catch {
    // The group has just ended.
  }
}

/**
 * Runs a program until it ends. Then kills the other processes of its group.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {"everything" | "failures" | "nothing"} [options.show] output to print. "failures": prints it only if the program fails
 * @param {Record<string, string>} [options.env] variables to add to the environment of this process
 * @param {string} [options.cwd] working directory. Default: the checkout
 * @param {number} [options.limitMs] time limit, after which the program is killed with its process group
 * @returns {Promise<{ code: number, output: string }>} `output`: empty if `show` is "everything"
 */
export function run(command, args, { show = "everything", env = {}, cwd = root, limitMs } = {}) {
  // After a signal, no other program starts.
  if (interruptedBy !== undefined) return Promise.resolve({ code: 1, output: "" });
  startWatchdog();
  return new Promise((resolve) => {
    const started = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: path, ...env },
      stdio: show === "everything" ? "inherit" : ["ignore", "pipe", "pipe"],
      detached: !windows,
      // On Windows, the commands of npm are batch files.
      shell: windows,
    });
    child = started;
    const { pid } = started;
    if (pid !== undefined) cleanUpLater({ group: pid });
    const limit =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            print(`${command} has reached its time limit of ${limitMs / 60_000} minutes and is killed.`);
            signalChild("SIGKILL", started);
          }, limitMs);
    let output = "";
    started.stdout?.on("data", (chunk) => (output += chunk));
    started.stderr?.on("data", (chunk) => (output += chunk));
    started.on("error", (error) => {
      clearTimeout(limit);
      resolve({ code: 127, output: error.message });
    });
    started.on("exit", () => {
      clearTimeout(limit);
      // A test that failed or hung can leave programs running.
      signalChild("SIGKILL", started);
      child = undefined;
    });
    started.on("close", (code) => {
      if (pid !== undefined) forget({ group: pid });
      if (code !== 0 && show === "failures" && interruptedBy === undefined) print(output.trimEnd());
      resolve({ code: code ?? 1, output });
    });
  });
}

/**
 * Sets the exit code, or ends this process with the signal that interrupted it.
 *
 * @param {number} code exit code of the task
 */
export function exitWith(code) {
  if (interruptedBy !== undefined && !windows) {
    process.removeAllListeners(interruptedBy);
    process.kill(process.pid, interruptedBy);
  }
  process.exitCode = code;
}
