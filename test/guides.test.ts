import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { JobStoreErrorCode } from "@subtitles/job-store";
import type { QueueErrorCode } from "@subtitles/queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const guides = new URL("../docs/guides/", import.meta.url);
/** Inside node_modules, so that it is in nobody's way, and below the root, so that the packages are found. */
const folder = new URL("../node_modules/.guides/", import.meta.url);
const run = promisify(execFile);

/** A program that a guide shows, and what it says that this prints; null: it is only to be compiled. */
interface Program {
  readonly file: string;
  readonly code: string;
  readonly output: string | null;
}

/** A block that begins with a file name starts a program; those after it go on with it. */
function programsIn(guide: string, text: string): readonly Program[] {
  const programs: { file: string; code: string; output: string | null }[] = [];
  for (const [, kind = "", code = ""] of text.matchAll(/^```(ts no-run|ts|text)\n(.*?)^```$/gms)) {
    const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1];
    const last = programs.at(-1);
    if (kind === "ts no-run") programs.push({ file: `${guide}-${programs.length}.ts`, code, output: null });
    else if (kind === "ts" && name !== undefined) programs.push({ file: `${guide}-${name}`, code, output: "" });
    else if (last === undefined && kind === "text")
      continue; // of a guide that has a test of its own
    else if (last === undefined) throw new Error(`${guide}: a block of code before any file name`);
    else if (kind === "ts") last.code += code;
    else last.output = (last.output ?? "") + code;
  }
  return programs;
}

const written = (await readdir(guides)).filter((name) => name.endsWith(".md"));
const programs: Program[] = [];
for (const name of written) {
  const text = await readFile(new URL(name, guides), "utf8");
  programs.push(...programsIn(name.replace(".md", ""), text));
}

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  for (const { file, code } of programs) await writeFile(new URL(file, folder), code);
  // A handler that acknowledges by ending, and gives up by returning, is good style here.
  const options = {
    extends: "../../tsconfig.base.json",
    compilerOptions: { noImplicitReturns: false },
    include: ["*.ts"],
  };
  await writeFile(new URL("tsconfig.json", folder), JSON.stringify(options));
  await writeFile(new URL("package.json", folder), JSON.stringify({ type: "module" }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bin = (name: string) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));

test("the code of the guides compiles, as strictly as ours", async () => {
  const { stdout } = await run(bin("tsc"), ["--project", fileURLToPath(folder)]).catch((error) => error);
  expect(stdout).toBe("");
}, 120_000);

describe("what the guides show prints what they say:", () => {
  const shown = programs.filter(({ output }) => output !== null);
  test.each(shown)(
    "$file",
    async ({ file, output }) => {
      const env = { ...process.env, REDIS_URL: undefined, RABBITMQ_URL: undefined, NO_COLOR: "1" };
      const path = fileURLToPath(new URL(file, folder));
      const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", path], { env, timeout: 60_000 });
      expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
    },
    90_000,
  );
});

test("every guide is listed, and what they link to is there", async () => {
  const index = await readFile(new URL("README.md", guides), "utf8");
  for (const name of written) if (name !== "README.md") expect(index).toContain(`(${name})`);
  for (const name of written) {
    const text = await readFile(new URL(name, guides), "utf8");
    const links = Array.from(text.matchAll(/\]\((?!https?:|#)([^)#]+)/g), ([, link = ""]) => link);
    for (const link of links) expect(existsSync(new URL(link, guides)), `${name} links to ${link}`).toBe(true);
  }
});

test("the troubleshooting guide knows every error code", async () => {
  const codes = {
    NOT_FOUND: 1,
    CONFLICT: 1,
    ILLEGAL_TRANSITION: 1,
    INVALID_DATA: 1,
    INVALID_ARGUMENT: 1,
    UNREADABLE_RECORD: 1,
    UNAVAILABLE: 1,
    TIMEOUT: 1,
    CLOSED: 1,
    INVALID_PAYLOAD: 1,
    UNROUTABLE: 1,
    TOPOLOGY_MISMATCH: 1,
  } satisfies Record<JobStoreErrorCode | QueueErrorCode, 1>;
  const text = await readFile(new URL("troubleshooting.md", guides), "utf8");
  for (const code of Object.keys(codes)) expect(text).toContain(`| \`${code}\` |`);
});
