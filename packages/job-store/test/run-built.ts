import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a module with the built package in a process. The process is killed if it does not end within two minutes. */
export function runBuilt(code: string): Promise<{ code: number | string; output: string }> {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  return new Promise((resolve) => {
    const args = ["--input-type=module", "--eval", code];
    execFile(process.execPath, args, { cwd, timeout: 120_000 }, (error, stdout, stderr) => {
      const outcome = error === null ? 0 : (error.code ?? error.signal ?? "failed");
      resolve({ code: outcome, output: stdout + stderr });
    });
  });
}
