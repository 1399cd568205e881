import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documents } from "../scripts/dev/documents.mjs";
import { root } from "../scripts/dev/run.mjs";
import { wrongCommands } from "./documents/commands.js";
import { allPrograms, expectOutputs, removePrograms, writeProgram } from "./documents/programs.js";

const programs = allPrograms();
const bin = (name: string) => join(root, "node_modules/.bin", name);
const read = (document: string) => readFileSync(join(root, document), "utf8");

const folder = join(root, "node_modules/.documents");
const compiled = join(folder, "compiled");
let errors: string;

// Compiles all programs together. The tests below run the compiled programs.
beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  for (const program of programs) await writeProgram(program);
  const options = {
    extends: "../../tsconfig.base.json",
    // Examples may contain unused names, and handlers that return a verdict only on some paths.
    compilerOptions: {
      noImplicitReturns: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      noEmit: false,
      rootDir: root,
      outDir: compiled,
    },
    files: programs.map(({ file }) => join(root, file)),
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(options));
  const tsc = promisify(execFile)(bin("tsc"), ["--project", folder]);
  errors = await tsc.then(({ stdout }) => stdout).catch(({ stdout }) => stdout);
});
afterAll(() => removePrograms(programs));

test("all code in documents compiles with the options of the packages", () => {
  expect(errors).toBe("");
});

describe("code in documents prints the output that the document shows:", () => {
  test.each(programs.filter(({ environment }) => environment === "memory" || environment === "both"))(
    "$name",
    async (program) => {
      // An example imports the TypeScript sources of its app, so it runs from its source, too.
      const example = program.file.startsWith("examples/");
      const file = example ? join(root, program.file) : join(compiled, program.file.replace(/mts$/, "mjs"));
      await expectOutputs(program, file, { REDIS_URL: undefined, RABBITMQ_URL: undefined });
    },
    90_000,
  );

  test.each(programs.filter(({ environment }) => environment === "vitest"))(
    "$name",
    async ({ file }) => {
      const folder = join(root, dirname(file));
      await writeFile(join(folder, "vitest.config.js"), "export default { test: { exclude: [] } };");
      // One part is enough. packages/job-store/test/memory.test.ts runs all conformance tests.
      const args = ["run", "--root", folder, "--testNamePattern", "counts", basename(file)];
      const { stdout } = await promisify(execFile)(bin("vitest"), args, { cwd: folder, timeout: 120_000 });
      expect(stdout).toMatch(/Tests .*\d+ passed/);
    },
    90_000,
  );
});

test.each(documents())("%s: commands exist", async (document) => {
  expect(await wrongCommands(document, read(document))).toEqual([]);
});

test("the files that the page on the architecture names exist", () => {
  const named = [...read("docs/architecture.md").matchAll(/`([a-z/-]+\.(?:ts|lua))`/g)].map(([, file = ""]) => file);
  const folders = ["packages/job-store/src/lib", "packages/job-store/src/lib/redis"];
  const exists = (file: string) => folders.some((base) => existsSync(join(root, base, file)));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !exists(file))).toEqual([]);
});

test("the list of guides is complete", () => {
  const index = read("docs/guides/README.md");
  const guides = documents("docs/guides").map((path) => path.replace("docs/guides/", ""));
  for (const name of guides) if (name !== "README.md") expect(index).toContain(`(${name})`);
});
