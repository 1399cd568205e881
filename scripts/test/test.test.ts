import { expect, test } from "vitest";
import { readArguments } from "../dev/test.mjs";

test.each([
  [["packages/queue", "-t", "a name"], false, ["packages/queue", "-t", "a name"]],
  [["--node", "oldest"], true, []],
  [["--project", "unit", "--node=oldest", "packages/queue"], true, ["--project", "unit", "packages/queue"]],
])("%j: --node is read, and vitest gets all other arguments", (args, oldest, others) => {
  expect(readArguments(args)).toEqual({ oldest, args: others });
});

test.each([
  [["--node", "18"], '"18"'],
  [["--node="], '""'],
  [["--node"], '""'],
])("%j is rejected", (args, value) => {
  expect(readArguments(args)).toEqual({ problem: `--node must be "oldest", not ${value}.` });
});
