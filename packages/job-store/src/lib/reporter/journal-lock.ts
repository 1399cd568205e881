import { invalid } from "../arguments.js";
import { fs } from "./built-in.js";
import { newName } from "./report.js";

/**
 * Keeps a journal to one reporter: `<path>.lock` names the process that holds it. The lock of a process that is gone is
 * taken over. Processes must see each other (one machine, one container) for this to be known.
 *
 * @returns what releases the lock
 * @throws JobStoreError INVALID_ARGUMENT where a living process holds it; and what the file system says
 */
export function lockJournal(path: string): () => void {
  const lock = `${path}.lock`;
  const own = `${lock}.${newName()}`;
  // Linked, not created: a lock never stands there without its owner's name in it.
  fs().writeFileSync(own, nameOf(process.pid), { mode: 0o600 });
  try {
    if (!tryLink(own, lock)) {
      const holder = fs().readFileSync(lock, "utf8");
      if (isAlive(holder)) {
        return invalid(
          `The journal ${path} is in use by process ${Number.parseInt(holder, 10)}; each reporter needs a journalPath of its own.`,
        );
      }
      removeStale(lock, holder);
      if (!tryLink(own, lock)) return invalid(`The journal ${path} was taken by another process a moment ago.`);
    }
  } finally {
    fs().rmSync(own, { force: true });
  }
  return () => fs().rmSync(lock, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    fs().linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Two processes may find the same lock stale: whoever moves a lock that is not the stale one puts it back. */
function removeStale(lock: string, stale: string): void {
  const aside = `${lock}.${newName()}`;
  fs().renameSync(lock, aside);
  if (fs().readFileSync(aside, "utf8") !== stale) tryLink(aside, lock);
  fs().rmSync(aside);
}

/** Its id and, on Linux, when it started: ids are used again, above all in containers. */
function nameOf(pid: number): string {
  try {
    const stat = fs().readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in brackets and may hold anything; the state comes next, the start 19 values after it.
    const [state, ...values] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A process that has ended stays listed until its parent has taken notice, in some containers for ever.
    return state === "Z" ? "ended" : `${pid} ${values[18]}`;
  } catch {
    return `${pid}`;
  }
}

function isAlive(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return nameOf(pid) === holder;
}
