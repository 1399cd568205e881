import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { JobStoreErrorCode } from "@subtitles/job-store";
import type { QueueErrorCode } from "@subtitles/queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documents, root } from "./documents/documents.js";
import { deadLinks } from "./documents/links.js";
import { allPrograms } from "./documents/programs.js";
import { expectOutputs, remove, write } from "./documents/run.js";
import { wrongCommands } from "./documents/shell.js";

const programs = allPrograms();
const bin = (name: string) => join(root, "node_modules/.bin", name);
const read = (document: string) => readFileSync(join(root, document), "utf8");

const folder = join(root, "node_modules/.documents");
const compiled = join(folder, "compiled");
let complaints: string;

// All at once, and once: what runs below is what the compiler made of it.
beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  for (const program of programs) await write(program);
  const options = {
    extends: "../../tsconfig.base.json",
    // A handler that acknowledges by ending, and a name that nobody uses, are good style in an example.
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
  complaints = await tsc.then(({ stdout }) => stdout).catch(({ stdout }) => stdout);
});
afterAll(() => remove(programs));

test("all code that documents show compiles, as strictly as ours", () => {
  expect(complaints).toBe("");
});

describe("what documents show does what they say:", () => {
  test.each(programs.filter(({ place }) => place === "memory" || place === "both"))(
    "$name",
    async (program) => {
      // An example imports the sources of its app, which Node does not run as they are.
      const example = program.file.startsWith("examples/");
      const file = example ? join(root, program.file) : join(compiled, program.file.replace(/mts$/, "mjs"));
      await expectOutputs(program, file, { REDIS_URL: undefined, RABBITMQ_URL: undefined });
    },
    90_000,
  );

  test.each(programs.filter(({ place }) => place === "vitest"))(
    "$name",
    async ({ file }) => {
      const folder = join(root, dirname(file));
      await writeFile(join(folder, "vitest.config.js"), "export default { test: { exclude: [] } };");
      // Its beginning will do: all of it is what packages/job-store/test/memory.test.ts runs.
      const args = ["run", "--root", folder, "--testNamePattern", "counts", basename(file)];
      const { stdout } = await promisify(execFile)(bin("vitest"), args, { cwd: folder, timeout: 120_000 });
      expect(stdout).toMatch(/Tests .*\d+ passed/);
    },
    90_000,
  );
});

test.each(documents())("%s: links lead somewhere, and commands exist", async (document) => {
  const text = read(document);
  expect(deadLinks(document, text)).toEqual([]);
  expect(await wrongCommands(document, text)).toEqual([]);
});

test("every guide is listed", () => {
  const index = read("docs/guides/README.md");
  const guides = documents("docs/guides").map((path) => path.replace("docs/guides/", ""));
  for (const name of guides) if (name !== "README.md") expect(index).toContain(`(${name})`);
});

describe("the troubleshooting guide knows every error code of", () => {
  const jobStore = {
    NOT_FOUND: 1,
    CONFLICT: 1,
    ILLEGAL_TRANSITION: 1,
    INVALID_DATA: 1,
    INVALID_ARGUMENT: 1,
    UNREADABLE_RECORD: 1,
    UNAVAILABLE: 1,
    TIMEOUT: 1,
    CLOSED: 1,
  } satisfies Record<JobStoreErrorCode, 1>;
  const queue = {
    INVALID_PAYLOAD: 1,
    INVALID_ARGUMENT: 1,
    UNROUTABLE: 1,
    UNAVAILABLE: 1,
    TIMEOUT: 1,
    CLOSED: 1,
    TOPOLOGY_MISMATCH: 1,
  } satisfies Record<QueueErrorCode, 1>;

  test.each([
    ["JobStoreError", jobStore],
    ["QueueError", queue],
  ])("%s, and no others", (name, codes) => {
    const text = read("docs/guides/troubleshooting.md");
    const table = text.split(`## Codes of \`${name}\``)[1]?.split("\n## ")[0] ?? "";
    // Code, meaning and cure: none of them empty.
    const rows = Array.from(table.matchAll(/^\| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm), ([, code]) => code);
    expect(rows.toSorted()).toEqual(Object.keys(codes).toSorted());
  });
});
