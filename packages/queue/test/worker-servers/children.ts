import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { onTestFinished, vi } from "vitest";
import { cleanUpLater } from "../../../../scripts/dev/clean-up.mjs";
import { PATIENCE } from "../../../../test/patience.js";
import { endWithTest } from "../../../../test/processes.js";
import type { TcpProxy } from "../../../../test/servers/tcp-proxy.js";
import type { Worker } from "../../src/worker.js";
import type { ChildSettings, FromChild, ThrownError, ToChild } from "./child-protocol.js";

/** Folder with the program of the processes, for all tests of this process. It is one file, because that starts in a fraction of the time. */
let folder: Promise<string> | null = null;

async function buildProgram(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "subtitles-worker-"));
  cleanUpLater({ path });
  await build({
    entryPoints: [fileURLToPath(new URL("child.ts", import.meta.url))],
    outfile: join(path, "child.cjs"),
    bundle: true,
    platform: "node",
    format: "cjs",
    logLevel: "silent",
  });
  return path;
}

/** Call of `run` in a worker process. The test ends it. */
export interface ChildRun {
  readonly jobId: string;
  readonly messageId: string;
  readonly attempt: number;
  /** Stored progress that the run received. */
  readonly percent: number | null;
  /** Code of the reason with which its signal was aborted. */
  readonly abortedWith: string | null;
  finish(to?: "done" | "waiting" | "pending"): void;
  fail(error?: ThrownError): void;
  /** Stores progress. */
  checkpoint(percent: number): Promise<void>;
}

export type ChildEvent = Extract<FromChild, { readonly type: "event" }>["event"];

/** Proxies between a process and its servers; null: it is connected directly. */
export interface Proxies {
  readonly redis: TcpProxy | null;
  readonly rabbitmq: TcpProxy | null;
}

/** Process with a worker. It ends with the test. */
export interface Child {
  readonly pid: number;
  readonly events: ChildEvent[];
  /** Calls of `run` in the order of their start. */
  readonly runs: ChildRun[];
  /** Latest call of `run`. */
  readonly run: ChildRun;
  /** Duration of `close` of the worker; null if it has not settled. */
  readonly closedAfterMs: number | null;
  /** Exit code or signal; null if the process runs. */
  readonly end: number | string | null;
  /** Proxies of its connections. */
  readonly proxies: Proxies;
  /** Returns the types of the events, without "started". */
  eventTypes(): string[];
  state(): Promise<Worker["state"]>;
  /** Blocks the event loop of the process. */
  block(ms: number): void;
  signal(signal: NodeJS.Signals): void;
  /** Ends the process without any notice. */
  kill(): Promise<void>;
}

/** Starts a worker process. Resolves when its worker runs, or when the process has ended. */
export async function startChild(settings: ChildSettings, proxies: Proxies): Promise<Child> {
  folder ??= buildProgram();
  const process_ = fork(join(await folder, "child.cjs"), [JSON.stringify(settings)], {
    execArgv: [],
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const killGroup = endWithTest(process_);
  const exited = once(process_, "exit");
  const events: ChildEvent[] = [];
  const runs: (ChildRun & { abortedWith: string | null; stored: number })[] = [];
  const states: Worker["state"][] = [];
  let closedAfterMs: number | null = null;
  let end: number | string | null = null;
  let output = "";
  for (const stream of [process_.stdout, process_.stderr])
    stream?.on("data", (chunk: Buffer) => {
      output = (output + chunk).slice(-4_000);
    });
  onTestFinished(({ task }) => {
    if (task.result?.state === "fail" && output !== "") console.error(`Output of process ${process_.pid}:\n${output}`);
  });
  const send = (message: ToChild) => {
    // The callback receives the error of a process that has just ended. Without it, the test would fail.
    if (process_.connected) process_.send(message, () => {});
  };
  process_.on("exit", (code, signal) => {
    end = signal ?? code;
  });
  process_.on("message", (message: FromChild) => {
    switch (message.type) {
      case "event":
        events.push(message.event);
        return;
      case "run": {
        const { run } = message;
        const checkpoint = async (percent: number) => {
          const before = runs[run]?.stored ?? 0;
          send({ type: "progress", run, percent });
          await vi.waitUntil(() => (runs[run]?.stored ?? 0) > before, PATIENCE);
        };
        runs[run] = {
          ...message,
          abortedWith: null,
          stored: 0,
          finish: (to = "done") => send({ type: "finish", run, to }),
          fail: (error = { kind: "error", message: "broken" }) => send({ type: "fail", run, error }),
          checkpoint,
        };
        return;
      }
      case "aborted": {
        const run = runs[message.run];
        if (run !== undefined) run.abortedWith = message.code;
        return;
      }
      case "stored": {
        const run = runs[message.run];
        if (run !== undefined) run.stored++;
        return;
      }
      case "state":
        states.push(message.state);
        return;
      case "closed":
        closedAfterMs = message.tookMs;
    }
  });
  const child: Child = {
    pid: process_.pid ?? 0,
    events,
    runs,
    get run() {
      const last = runs.at(-1);
      if (last === undefined) throw new Error("No run has started.");
      return last;
    },
    get closedAfterMs() {
      return closedAfterMs;
    },
    get end() {
      return end;
    },
    proxies,
    eventTypes: () => events.map(({ type }) => type).filter((type) => type !== "started"),
    state: async () => {
      const before = states.length;
      send({ type: "state" });
      await vi.waitUntil(() => states.length > before || end !== null, PATIENCE);
      return states.at(-1) ?? "closed";
    },
    block: (ms) => send({ type: "block", ms }),
    signal: (signal) => void process_.kill(signal),
    kill: async () => {
      await killGroup();
      await exited;
    },
  };
  await vi.waitUntil(async () => end !== null || (await child.state()) === "running", PATIENCE);
  return child;
}
