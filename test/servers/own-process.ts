import { type ChildProcess, spawn } from "node:child_process";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";

/**
 * Child process that ends at the latest when this process ends. It is the leader of a process group: `signal` also reaches its
 * children, and the signals of the terminal do not reach it.
 */
export interface OwnProcess {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Returns the end of its output, at most 4,000 characters. */
  output(): string;
}

/** Starts a child process that ends at the latest when this process ends. */
export function spawnOwn(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv },
): OwnProcess {
  const child: ChildProcess = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { pid } = child;
  let running = pid !== undefined;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  }
  if (pid !== undefined) cleanUpLater({ group: pid });
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      running = false;
      resolve();
    });
    child.once("exit", () => {
      running = false;
      if (pid !== undefined) forget({ group: pid });
      resolve();
    });
  });
  return {
    pid: pid ?? 0,
    ended,
    isRunning: () => running,
    output: () => output,
    signal(signal) {
      if (running && pid !== undefined) process.kill(-pid, signal);
    },
  };
}
