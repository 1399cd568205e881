import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { onTestFinished, vi } from "vitest";
import { downloadQueue, translateQueue } from "../../examples/showcase/contracts/src/queues.js";
import { endWithTest } from "../processes.js";

/** Starts the demo with the addresses of servers and a folder for temporary files. It shows the showcase, or with `[]` the templates. */
export async function startDemo(servers: Readonly<Record<string, string>>, args: readonly string[] = ["--showcase"]) {
  const folder = await mkdtemp(join(tmpdir(), "demo-test-"));
  const demo = spawn(process.execPath, ["--import", "tsx", "src/main.ts", ...args], {
    cwd: fileURLToPath(new URL("../../examples/showcase/demo", import.meta.url)),
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
    /** Kills the demo and its apps. The end of the test does the same. */
    end,
    output: () => output,
    /** Returns the temporary folders of the demo that exist. The folder of tsx is not one of them. */
    files: async () => (await readdir(folder)).filter((name) => name.startsWith("subtitles-demo-")),
    /** Waits until the output matches a pattern. Returns the match. */
    waitForOutput: (pattern: RegExp) =>
      vi.waitFor(() => {
        const found = pattern.exec(output);
        if (!found) throw new Error(`The output does not match ${pattern} yet:\n${output}`);
        return found;
      }, 120_000),
  };
}

/** Waits until a process has ended. Returns its exit code. */
export async function exitCode(demo: ChildProcess): Promise<number | null> {
  if (demo.exitCode === null && demo.signalCode === null) await once(demo, "exit");
  return demo.exitCode;
}

/** Returns the keys and queues of a run of the examples that exist on the servers. */
export async function leftovers(servers: { REDIS_URL: string; RABBITMQ_URL: string }, name: string): Promise<string[]> {
  return [...(await keys(servers.REDIS_URL, `${name}:`)), ...(await queues(servers.RABBITMQ_URL, `${name}.`))];
}

async function keys(url: string, prefix: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const found = await redis.scanStream({ match: `${prefix}*`, count: 1_000 }).toArray();
    return found.flat();
  } finally {
    redis.disconnect();
  }
}

async function queues(url: string, prefix: string): Promise<string[]> {
  const names = [downloadQueue, translateQueue].flatMap(({ name, retryDelaysMs }) =>
    [name, `${name}.dead`, ...retryDelaysMs.map((delayMs) => `${name}.wait.${delayMs}`)].map((queue) => prefix + queue),
  );
  const connection = await connect(url);
  try {
    const found = await Promise.all(
      names.map(async (queue) => {
        // The broker closes a channel that checks a queue which does not exist.
        const channel = await connection.createChannel();
        channel.on("error", () => {});
        return channel.checkQueue(queue).then(
          () => [queue],
          () => [],
        );
      }),
    );
    return found.flat();
  } finally {
    await connection.close();
  }
}
