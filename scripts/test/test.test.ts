import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readArguments } from "../dev/test.mjs";

test.each([
  [["packages/queue", "-t", "a name"], { all: false, oldest: false, args: ["packages/queue", "-t", "a name"] }],
  [["--node", "oldest"], { all: false, oldest: true, args: [] }],
  [["--all"], { all: true, oldest: false, args: [] }],
  [
    ["--project", "unit", "--node=oldest", "packages/queue", "--all"],
    { all: true, oldest: true, args: ["--project", "unit", "packages/queue"] },
  ],
])("%j: --all and --node are read, and vitest gets all other arguments", (args, expected) => {
  expect(readArguments(args)).toEqual(expected);
});

test.each([
  [["--node", "18"], '"18"'],
  [["--node="], '""'],
  [["--node"], '""'],
])("%j is rejected", (args, value) => {
  expect(readArguments(args)).toEqual({ problem: `--node must be "oldest", not ${value}.` });
});

test("the last lines name each failure and contain the counts", async () => {
  const fixture = fileURLToPath(new URL("../../test/fixtures/failures", import.meta.url));
  const script = `
    const { test } = await import(${JSON.stringify(new URL("../dev/test.mjs", import.meta.url).href)});
    console.log("exit code: " + await test(["--root", ${JSON.stringify(fixture)}]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  const lines = stdout.slice(stdout.lastIndexOf("Failed tests:")).trimEnd().split("\n");
  // The files run in parallel.
  expect(lines.slice(1, 5).sort()).toEqual(
    [
      "- test/fixtures/failures/broken.ts",
      "  This file fails on purpose.",
      "- test/fixtures/failures/tests.ts > sums > fails",
      "  AssertionError: expected 2 to be 3 // Object.is equality",
    ].sort(),
  );
  expect(lines.slice(5)).toEqual(["1 passed, 2 failed", "exit code: 1"]);
});
