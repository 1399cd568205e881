import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const groups = new Set<number>();
const paths = new Set<string>();
let pipe: Writable | undefined;

/** What is to be ended or removed when this process is gone, however it went. */
export interface Leftover {
  /** Leader of a process group. */
  readonly group?: number;
  /** File or folder. */
  readonly path?: string;
}

/** Has `leftover` cleaned up at the end of this process, unless {@link forget} comes first. */
export function cleanUpLater({ group, path }: Leftover): void {
  if (group !== undefined) groups.add(group);
  if (path !== undefined) paths.add(path);
  tell();
}

/** Takes `leftover` off the list: it has been cleaned up, or someone else now does it. */
export function forget({ group, path }: Leftover): void {
  if (group !== undefined) groups.delete(group);
  if (path !== undefined) paths.delete(path);
  tell();
}

function tell(): void {
  pipe ??= startWatchdog();
  pipe.write(`${JSON.stringify({ groups: [...groups], paths: [...paths] })}\n`);
}

function startWatchdog(): Writable {
  const script = fileURLToPath(new URL("./watchdog.mjs", import.meta.url));
  const child = spawn(process.execPath, [script], { detached: true, stdio: ["pipe", "ignore", "inherit"], cwd: "/" });
  child.unref();
  // The pipe is ours for as long as we live; it must not keep us alive.
  if ("unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return child.stdin;
}
