import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyTemplates } from "../../scripts/dev/copy.mjs";
import { root } from "../../scripts/dev/run.mjs";
import { applyEdits, edits, listedEdits, testEdits } from "./another-service.js";
import { npmIn, packPackages } from "./npm.js";

// A team copies the templates, and installs them with npm and the packed packages. The tests continue with the copy of the one before.

const patience = { timeout: 1_200_000 };
let folder: string;
let copy: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "subtitles-copy-"));
  copy = join(folder, "service");
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));

const npm = (...args: readonly string[]) => npmIn(copy, args, { REDIS_URL: "", RABBITMQ_URL: "" });

test(
  "a copy of the templates installs with npm, and passes its checks and tests, which run a job to its end",
  patience,
  async () => {
    await packPackages(join(copy, "packages"));
    await copyTemplates(copy);
    await npm("install", "--no-audit", "--no-fund", "--prefer-offline");
    await npm("run", "check");
    await npm("test");
  },
);

test(
  "the edits of the README turn the copy into another service, which passes its checks and tests",
  patience,
  async () => {
    await applyEdits(copy, [...edits, ...testEdits]);
    await npm("run", "check");
    expect(await npm("test")).toMatch(/start\.test\.ts/);
  },
);

test("the README lists these edits, and they are few", async () => {
  const readme = await readFile(join(root, "examples/README.md"), "utf8");
  expect(listedEdits(readme)).toEqual([...edits, ...testEdits].map(({ kind, path }) => `${kind} ${path}`));
  expect(edits.length).toBeLessThanOrEqual(12);
  const files = edits.flatMap((edit) => (edit.kind === "replace" ? edit.path : []));
  expect(new Set(files).size).toBeLessThanOrEqual(8);
  expect(testEdits.length).toBeLessThanOrEqual(8);
});
