import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanUpLater, forget } from "./clean-up.mjs";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

const windows = process.platform === "win32";

/** What children find on their PATH: the tools of this checkout, then what {@link searchFirst} adds, then the caller's. */
let path = `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`;

/** Returns the PATH of child processes, which contains the tools. */
export function toolsPath() {
  return path;
}

/** @param {string} added PATH that children search before all other */
export function searchFirst(added) {
  path = `${added}${delimiter}${path}`;
}

/** @param {string} line */
export function say(line) {
  console.log(line);
}

/** Whether a signal has told us to end. */
export function isInterrupted() {
  return interruptedBy !== undefined;
}

/** @type {import("node:child_process").ChildProcess | undefined} */
let child;
/** @type {NodeJS.Signals | undefined} */
let interruptedBy;

// The child leads a process group of its own, so that one signal reaches all it started, once: the terminal's Ctrl-C
// comes to us only, and we pass it on. What does not end within ten seconds, or until the second Ctrl-C, is killed; and
// so is everything when we are.
for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    if (interruptedBy === undefined) {
      interruptedBy = signal;
      signalChild(signal);
      const first = Date.now();
      setTimeout(() => signalChild("SIGKILL"), 10_000).unref();
      // npm repeats the terminal's signal at once; that is not a second Ctrl-C.
      process.on(signal, () => Date.now() - first > 500 && signalChild("SIGKILL"));
    }
  });
}

/**
 * Sends a signal to a child and the rest of its process group.
 *
 * @param {NodeJS.Signals} signal
 */
function signalChild(signal, target = child) {
  if (target?.pid === undefined) return;
  try {
    if (windows) target.kill(signal);
    else process.kill(-target.pid, signal);
  } catch {
    // It has just ended.
  }
}

/**
 * Runs a program to its end, in the checkout or in `cwd`. Then kills the rest of its process group.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {"everything" | "failures" | "nothing"} [options.show] "failures": its output appears only if it fails
 * @param {Record<string, string>} [options.env] added to ours
 * @param {string} [options.cwd]
 * @param {number} [options.limitMs] time limit, after which it is killed with its process group
 * @returns {Promise<{ code: number, output: string }>} `output` is empty where everything was shown
 */
export function run(command, args, { show = "everything", env = {}, cwd = root, limitMs } = {}) {
  // After Ctrl-C nothing new begins.
  if (interruptedBy !== undefined) return Promise.resolve({ code: 1, output: "" });
  return new Promise((resolve) => {
    const started = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: path, ...env },
      stdio: show === "everything" ? "inherit" : ["ignore", "pipe", "pipe"],
      detached: !windows,
      // npm's commands are batch files there.
      shell: windows,
    });
    child = started;
    const { pid } = started;
    if (pid !== undefined) cleanUpLater({ group: pid });
    const limit =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            say(`${command} has run for ${limitMs / 60_000} minutes, which is its limit: it is killed.`);
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
      // A test that failed or hung may have left a program running.
      signalChild("SIGKILL", started);
      child = undefined;
    });
    started.on("close", (code) => {
      if (pid !== undefined) forget({ group: pid });
      if (code !== 0 && show === "failures" && interruptedBy === undefined) say(output.trimEnd());
      resolve({ code: code ?? 1, output });
    });
  });
}

/**
 * Ends this process as its task ended, or by the signal that interrupted it.
 *
 * @param {number} code
 */
export function exitAs(code) {
  if (interruptedBy !== undefined && !windows) {
    process.removeAllListeners(interruptedBy);
    process.kill(process.pid, interruptedBy);
  }
  process.exitCode = code;
}
