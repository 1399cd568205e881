import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

/**
 * Pins a process to a core, with different cores for servers and client. Otherwise the scheduler moves the processes, which
 * changes the results.
 *
 * @returns true if the process was pinned. This needs two cores, Linux and `taskset`
 */
export function pin(pid: number, role: "server" | "client"): boolean {
  if (cpus().length < 2) return false;
  try {
    execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", role === "server" ? "0" : "1", `${pid}`], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}
