import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { endWithTest, isAlive } from "./processes.js";
import { privateServer } from "./servers/require.js";

const redis = privateServer("redis");
const runner = new URL("../scripts/dev/test.mjs", import.meta.url).href;
const fixture = fileURLToPath(new URL("fixtures/leftovers", import.meta.url));

/** Number of tests in the fixture. Both leave a server, a program and folders. One fails, the other one hangs. */
const TESTS = 2;

describe.skipIf(!redis.available)(redis.title("npm test leaves no process and no folder"), () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)("if %s ends it while a test hangs", async (signal) => {
    const { run, left } = await start({ timeout: 0 });
    const { pids, folders } = await left();
    expect(pids.map(isAlive)).toEqual(pids.map(() => true));
    expect(folders.map(existsSync)).toEqual(folders.map(() => true));
    run.kill(signal);
    await once(run, "exit");
    await expectNothing({ pids, folders });
  });

  test("if one test fails and another one reaches its time limit", async () => {
    const { run, left } = await start({ timeout: 5_000 });
    const exited = once(run, "exit");
    const all = await left();
    expect(await exited).toEqual([1, null]);
    await expectNothing(all);
  });
});

interface Left {
  readonly pids: readonly number[];
  readonly folders: readonly string[];
}

/** Runs the tests of the fixture in the same way as `npm test`. */
async function start({ timeout }: { timeout: number }) {
  const script = `
    const { runTests } = await import(${JSON.stringify(runner)});
    const { code } = await runTests({ oldest: false, args: ["--root", ${JSON.stringify(fixture)}] });
    process.exitCode = code;`;
  const run: ChildProcess = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, LEFTOVERS_TIMEOUT: String(timeout) },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  endWithTest(run);
  return {
    run,
    /** Resolves with the leftovers of all tests of the fixture. */
    async left(): Promise<Left> {
      const pids: number[] = [];
      const folders: string[] = [];
      let tests = 0;
      if (run.stdout === null) throw new Error("The output of the run is not a pipe.");
      for await (const line of createInterface(run.stdout)) {
        const [, json] = /LEFT (.*)/.exec(line) ?? [];
        if (json === undefined) continue;
        const left: Left = JSON.parse(json);
        pids.push(...left.pids);
        folders.push(...left.folders);
        tests += 1;
        if (tests === TESTS) return { pids, folders };
      }
      throw new Error("The run ended before its tests printed their leftovers.");
    },
  };
}

async function expectNothing({ pids, folders }: Left): Promise<void> {
  const wait = { timeout: 60_000 };
  await expect.poll(() => pids.filter(isAlive), wait).toEqual([]);
  await expect.poll(() => folders.filter(existsSync), wait).toEqual([]);
}
