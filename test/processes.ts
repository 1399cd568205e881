import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { cleanUpLater, forget } from "../scripts/dev/clean-up.mjs";

/** Whether a process still runs. One that has ended, and only waits for its parent to notice, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    // Not Linux, or gone meanwhile: then the next look says so.
    return true;
  }
}

/**
 * Kills a program and its child processes when the test or this process ends, whichever is first.
 *
 * @param child started with `detached`, so that it leads a process group
 * @returns a function that kills it now, and resolves when it has ended
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
 * Runs a program to its end, but no longer than the test.
 *
 * @returns its standard output
 * @throws an error with its output if it fails
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
