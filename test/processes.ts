import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { cleanUpLater, forget } from "../scripts/dev/clean-up.mjs";

/** Returns true if a process runs. A zombie, which has ended but still has an entry in the process table, does not run. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    // The system is not Linux, or the process has just ended. In the second case, the next call returns false.
    return true;
  }
}

/**
 * Kills a program and its child processes at the end of the test, or of this process if it ends earlier.
 *
 * @param child process that was started with `detached`, so that it is the leader of a process group
 * @returns a function that kills the program now, and resolves when it has ended
 */
export function endWithTest(child: ChildProcess): () => Promise<void> {
  const { pid } = child;
  if (pid === undefined) return async () => {};
  cleanUpLater({ group: pid });
  const ended = once(child, "exit");
  const end = async () => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // The whole group has ended.
    }
    await ended;
    forget({ group: pid });
  };
  onTestFinished(end);
  return end;
}

/**
 * Runs a program until it ends. It is killed at the end of the test.
 *
 * @returns standard output of the program
 * @throws an error with the output if the program fails
 */
export async function runInTest(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  const child = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  endWithTest(child);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")}: ${signal ?? `exit code ${code}`}\n${stdout}\n${stderr}`);
}
