import { readFileSync } from "node:fs";

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
