import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("the quickstart prints its jobs and their counts", async () => {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "quickstart/main.ts"], { cwd });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toEqual([
    expect.stringMatching(/^\S+ queued dog\.png → …$/),
    expect.stringMatching(/^\S+ done cat\.png → cat-640\.png$/),
    "{ queued: 1, running: 0, done: 1, failed: 0 }",
  ]);
});
