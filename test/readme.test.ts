import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

/** Inside node_modules, so that it is in nobody's way, and below the root, so that the packages are found. */
const folder = new URL("../node_modules/.readme/", import.meta.url);

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the quickstart in the README runs as written and prints what it says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const [, code, output] = /```js\n\/\/ quickstart\.mjs\n(.*?)```\n\n```text\n(.*?)```/s.exec(readme) ?? [];
  await mkdir(folder, { recursive: true });
  const file = new URL("quickstart.mjs", folder);
  await writeFile(file, code as string);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file.pathname]);
  expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
});
