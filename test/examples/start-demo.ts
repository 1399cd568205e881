import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";
import { endWithTest } from "../processes.js";

/** `npm start` in the demo's folder, with these servers and a folder for temporary files. */
export async function startDemo(servers: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), "demo-test-"));
  const demo = spawn(process.execPath, ["--import", "tsx", "src/main.ts"], {
    cwd: fileURLToPath(new URL("../../examples/demo", import.meta.url)),
    env: { ...process.env, TMPDIR: folder, REDIS_URL: "", RABBITMQ_URL: "", ...servers },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  onTestFinished(() => rm(folder, { recursive: true }));
  const end = endWithTest(demo);
  let output = "";
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  return {
    demo,
    /** Kills the demo and its apps, as the end of the test does. */
    end,
    output: () => output,
    /** Temporary folders that are still there; tsx keeps its cache in one of its own. */
    files: async () => (await readdir(folder)).filter((name) => name.startsWith("subtitles-demo-")),
    /** What the pattern finds in the output, as soon as it is there. */
    says: (pattern: RegExp) =>
      vi.waitFor(() => {
        const found = pattern.exec(output);
        if (!found) throw new Error(`Not said yet: ${pattern}\n${output}`);
        return found;
      }, 120_000),
  };
}

export async function exitCode(demo: ChildProcess): Promise<number | null> {
  if (demo.exitCode === null && demo.signalCode === null) await once(demo, "exit");
  return demo.exitCode;
}
