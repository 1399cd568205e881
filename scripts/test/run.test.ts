import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { isAlive } from "../../test/processes.js";

const module = new URL("../dev/run.mjs", import.meta.url).href;

/** Starts a process that runs `node -e <child>` with `run` and then ends with its exit code. */
function parent(child: string, options = "{}") {
  const script = `
    const { exitWith, run } = await import(${JSON.stringify(module)});
    const { code, output } = await run(process.execPath, ["-e", ${JSON.stringify(child)}], ${options});
    if (output) console.log("returned: " + output);
    exitWith(code);`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

describe("run", () => {
  test("the output and the exit code of the program are passed on", async () => {
    const started = parent("console.log('hello'); process.exitCode = 7");
    const [output, [code]] = await Promise.all([text(started.stdout), once(started, "exit")]);
    expect(output).toBe("hello\n");
    expect(code).toBe(7);
  });

  test("with `show: failures`, only the output of a failed program is printed", async () => {
    const succeeding = parent("console.log('hello')", '{ show: "failures" }');
    expect(await text(succeeding.stdout)).toBe("returned: hello\n\n");
    const failing = parent("console.log('hello'); process.exitCode = 1", '{ show: "failures" }');
    expect(await text(failing.stdout)).toBe("hello\nreturned: hello\n\n");
  });

  test("a program that does not exist fails with the reason", async () => {
    const { run } = await import("../dev/run.mjs");
    expect(await run("no-such-program", [], { show: "nothing" })).toEqual({
      code: 127,
      output: expect.stringContaining("no-such-program"),
    });
  });
});

describe.skipIf(process.platform === "win32")("a signal (not on Windows)", () => {
  const sleeper = "console.log(process.pid); setInterval(() => {}, 1000)";

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s ends the program, and then the process with the same signal",
    async (signal) => {
      const started = parent(sleeper);
      const pid = await firstNumber(started.stdout);
      started.kill(signal);
      expect(await once(started, "exit")).toEqual([null, signal]);
      expect(isAlive(pid)).toBe(false);
    },
  );

  test("SIGKILL, which the process cannot handle, also ends the program", async () => {
    const started = parent(sleeper);
    const pid = await firstNumber(started.stdout);
    started.kill("SIGKILL");
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test.each([
    ["", "ends"],
    ["process.on('SIGINT', () => {});", "ignores it"],
  ])("reaches a child process of the program (%j: the child %s)", async (trap) => {
    const grandchild = JSON.stringify(`${trap} ${sleeper}`);
    const started = parent(`require("node:child_process").spawn(process.execPath, ["-e", ${grandchild}],
      { stdio: ["ignore", 1, "ignore"] })`);
    const pid = await firstNumber(started.stdout);
    started.kill("SIGINT");
    await once(started, "exit");
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

async function firstNumber(output: NodeJS.ReadableStream): Promise<number> {
  const [chunk] = await once(output, "data");
  return Number(chunk.toString());
}
