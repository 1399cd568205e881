import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a module as a process of its own, against the package as it was built. */
export function runBuilt(code: string): Promise<{ code: number | string; output: string; afterMs: number }> {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const begun = performance.now();
  return new Promise((resolve) => {
    const args = ["--input-type=module", "--eval", code];
    execFile(process.execPath, args, { cwd, timeout: 30_000 }, (error, stdout, stderr) => {
      const outcome = error === null ? 0 : (error.code ?? error.signal ?? "failed");
      resolve({ code: outcome, output: stdout + stderr, afterMs: performance.now() - begun });
    });
  });
}
