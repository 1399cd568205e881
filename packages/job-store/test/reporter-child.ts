import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** What a worker in a process of its own begins with, against the package as it was built. */
const PREAMBLE = `
  import { createJobStore, createReporter, defineJob } from "@subtitles/job-store";
  import { redisDriver } from "@subtitles/job-store/redis";
  import * as z from "zod";
  const job = defineJob({
    name: "report",
    data: z.looseObject({ title: z.string() }),
    result: z.looseObject({ url: z.string() }),
    progress: z.looseObject({ done: z.number() }),
    initial: "waiting",
    statuses: {
      waiting: { next: ["working", "failed"] },
      working: { next: ["working", "checking", "done", "failed"] },
      checking: { next: ["working", "done", "failed"] },
      done: { next: [], final: true, ttlSeconds: 3600 },
      failed: { next: ["waiting", "abandoned"], final: true, ttlSeconds: 7200 },
      abandoned: { next: ["abandoned"], final: true },
    },
  });
  const [url, journalPath] = process.argv.slice(1);
  const store = createJobStore({ job, driver: redisDriver({ url, timeoutMs: 200 }) });
  const rejected = [];
  const reporter = createReporter(store, { journalPath, onRejected: (change) => rejected.push(change) });
  const say = (line) => process.stdout.write(line + "\\n");
`;

/** A worker in a process of its own that can be killed at any moment. */
export class ReporterChild {
  /** What it said so far. */
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(code: string, url: string, journalPath: string) {
    const cwd = fileURLToPath(new URL("..", import.meta.url));
    const args = ["--input-type=module", "--eval", PREAMBLE + code, url, journalPath];
    this.#process = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = once(this.#process, "close");
    if (this.#process.stdout !== null) {
      createInterface(this.#process.stdout).on("line", (line) => this.lines.push(line));
    }
    onTestFinished(() => this.kill());
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  /** Resolves when it has ended by itself, with what it said. */
  async end(): Promise<readonly string[]> {
    await this.#ended;
    return this.lines;
  }
}
