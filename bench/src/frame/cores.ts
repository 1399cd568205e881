import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

/**
 * Servers get a core of their own and this process another one, where there are two: otherwise the system moves them
 * about, and a round tells more of that than of the work.
 *
 * @returns whether it could be done; it takes Linux and `taskset`
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
