import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { isAlive } from "../../test/processes.js";

const module = new URL("../dev/run.mjs", import.meta.url).href;

/** A process that uses `run` for `node -e <child>` and then ends as the root scripts do. */
function parent(child: string, options = "{}") {
  const script = `
    const { exitAs, run } = await import(${JSON.stringify(module)});
    const { code, output } = await run(process.execPath, ["-e", ${JSON.stringify(child)}], ${options});
    if (output) console.log("kept: " + output);
    exitAs(code);`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

describe("run", () => {
  test("passes on what the program writes and how it ends", async () => {
    const started = parent("console.log('hello'); process.exitCode = 7");
    const [output, [code]] = await Promise.all([text(started.stdout), once(started, "exit")]);
    expect(output).toBe("hello\n");
    expect(code).toBe(7);
  });

  test("keeps the output of a program that succeeds to itself where asked to", async () => {
    const succeeding = parent("console.log('hello')", '{ show: "failures" }');
    expect(await text(succeeding.stdout)).toBe("kept: hello\n\n");
    const failing = parent("console.log('hello'); process.exitCode = 1", '{ show: "failures" }');
    expect(await text(failing.stdout)).toBe("hello\nkept: hello\n\n");
  });

  test("a program that is not there is a failure with a reason", async () => {
    const { run } = await import("../dev/run.mjs");
    expect(await run("no-such-program", [], { show: "nothing" })).toEqual({
      code: 127,
      output: expect.stringContaining("no-such-program"),
    });
  });
});

describe.skipIf(process.platform === "win32")("a signal (there are none on Windows)", () => {
  const sleeper = "console.log(process.pid); setInterval(() => {}, 1000)";

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends the program and then us, by itself", async (signal) => {
    const started = parent(sleeper);
    const pid = await firstNumber(started.stdout);
    started.kill(signal);
    expect(await once(started, "exit")).toEqual([null, signal]);
    expect(isAlive(pid)).toBe(false);
  });

  test("SIGKILL, of which we learn nothing, ends the program all the same", async () => {
    const started = parent(sleeper);
    const pid = await firstNumber(started.stdout);
    started.kill("SIGKILL");
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test.each([
    ["", "which ends by it"],
    ["process.on('SIGINT', () => {});", "which ignores it"],
  ])("reaches what the program has started, too (%j, %s)", async (trap) => {
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
