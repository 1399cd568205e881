import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { root } from "./documents.js";
import { asModule, type Block, outputsOf, type Program } from "./programs.js";

const run = promisify(execFile);

/** Writes a program to where it belongs. @returns the file */
export async function write(program: Program, code = asModule(program)): Promise<string> {
  const file = join(root, program.file);
  cleanUpLater({ path: dirname(file) });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code);
  return file;
}

/** Runs what was written, as a process of its own, and holds each block's output to what the document says. */
export async function expectOutputs(program: Program, file: string, env: NodeJS.ProcessEnv): Promise<void> {
  const loader = file.endsWith("ts") ? ["--import", "tsx"] : [];
  const { stdout, stderr } = await run(process.execPath, [...loader, file], {
    cwd: dirname(file),
    env: { ...process.env, NO_COLOR: "1", ...env },
    timeout: 120_000,
  });
  const outputs = outputsOf(stdout).map((output, position) => comparable(output, program.blocks[position]));
  const shown = program.blocks.map((block, position) =>
    block.output === null ? outputs[position] : comparable(block.output, block),
  );
  // Programs may tell of their connections; where they run in memory, there are none.
  const complaints = stderr.replaceAll(/^Connected .*\n/gm, "");
  expect({ outputs, complaints }).toEqual({ outputs: shown, complaints: "" });
}

/** Where the document says that its numbers are those of one run, all numbers are alike. */
function comparable(output: string, block: Block | undefined): string {
  return block?.numbersDiffer === true ? output.replaceAll(/\d+(\.\d+)*/g, "0") : output;
}

/** Removes what was written for these programs. */
export async function remove(programs: readonly Program[]): Promise<void> {
  for (const folder of new Set(programs.map(({ file }) => dirname(file)))) {
    await rm(join(root, folder), { recursive: true, force: true });
    forget({ path: join(root, folder) });
  }
}
