import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { cleanUpLater, forget } from "../../scripts/dev/clean-up.mjs";
import { documents } from "../../scripts/dev/documents.mjs";
import { root } from "../../scripts/dev/run.mjs";

/** Block of code in a document. */
export interface Block {
  readonly code: string;
  /** Output of the block according to the document; null: the document shows no output. */
  readonly output: string | null;
  /** True if the numbers of the output differ between runs: ```` ```text numbers-differ ````. */
  readonly numbersDiffer: boolean;
}

/** Program of a document. It consists of one or more blocks. Each block uses the declarations of the blocks before it. */
export interface Program {
  /** Name of the test that runs the program. */
  readonly name: string;
  /** File that the program is written to, in a folder from which its imports are found. The path is relative to the root. */
  readonly file: string;
  readonly environment: Environment;
  readonly blocks: readonly Block[];
}

/**
 * Environments of programs. "memory": with memory drivers; "servers": with real servers; "both": with each of them; "vitest": as a test
 * file; "seeded": in a test of its own that first stores data.
 */
const ENVIRONMENTS = ["memory", "servers", "both", "vitest", "seeded"] as const;
type Environment = (typeof ENVIRONMENTS)[number];

/**
 * Returns the programs of all documents. The first block of a document, and each block that begins with a file name (`// worker.ts`),
 * begins a program. The other blocks continue the program, and can declare the same names again. ```` ```ts servers ```` sets the
 * environment of a program. A comment before a block contains code that readers do not need: `<!-- before: … -->`.
 */
export function allPrograms(): readonly Program[] {
  return documents().flatMap((document) => programsIn(document, readFileSync(join(root, document), "utf8")));
}

const BLOCK = /(?:^<!-- before:\n(.*?)^-->\n\n?)?^```(\S+)(?: ([^\n]*))?\n(.*?)^```$/gms;
const NAMED = /^\/\/ (\S+\.(?:ts|mjs))\n/;

function programsIn(document: string, text: string): readonly Program[] {
  const programs: (Omit<Program, "blocks"> & { readonly blocks: { -readonly [K in keyof Block]: Block[K] }[] })[] = [];
  for (const [, before = "", language = "", option = "memory", code = ""] of text.matchAll(BLOCK)) {
    if (language === "text") {
      const last = programs.at(-1)?.blocks.at(-1);
      if (last === undefined)
        throw new Error(
          `${document}: a text block has no code block before it. Use another language if it is not the output of a program.`,
        );
      last.output = (last.output ?? "") + code;
      last.numbersDiffer = option === "numbers-differ";
    } else if (language === "ts" || language === "js") {
      const environment = ENVIRONMENTS.find((known) => known === option);
      if (environment === undefined)
        throw new Error(`${document}: unknown environment "${option}", not one of ${ENVIRONMENTS}`);
      const name = NAMED.exec(code)?.[1];
      if (name !== undefined || programs.length === 0 || environment === "vitest") {
        const slug = document.replace(/\.md$/, "").replaceAll("/", "-");
        const file = `${slug}-${(name ?? `code${programs.length}`).replace(/\.\w+$/, "")}.${environment === "vitest" ? "test.mts" : "mts"}`;
        programs.push({
          name: name === undefined ? document : `${document}: ${name}`,
          file: join(importFolder(document), "node_modules/.documents", file),
          environment,
          blocks: [],
        });
      }
      programs.at(-1)?.blocks.push({ code: before + code, output: null, numbersDiffer: false });
    } else if (language !== "sh" && language !== "mermaid") {
      throw new Error(`${document}: blocks of "${language}" are not checked. Use ts, js, text, sh or mermaid.`);
    }
  }
  return programs;
}

/** Returns the folder from which the imports of a document are found: the demo for examples, the root for other documents. */
function importFolder(document: string): string {
  return document.startsWith("examples/") ? "examples/showcase/demo" : ".";
}

/** Text that the program prints after each block, to separate the outputs. */
const SEPARATOR = "\u0000";

/** Returns a program as one module: the imports of all blocks, then each block in a scope inside the scope of the block before. */
export function asModule({ blocks, environment }: Program): string {
  const { imports, bodies } = separateImports(blocks.map(({ code }) => code));
  if (environment === "vitest") return [...imports, ...bodies].join("\n");
  const scopes = bodies.map((body, position) => {
    const last = position === bodies.length - 1;
    return `${body.replace(/^export /gm, "")}\nconsole.log("\\u0000");\n${last ? "" : "{\n"}`;
  });
  // A program of several blocks does not close all its connections.
  const end = blocks.length > 1 ? "process.exit();\n" : "";
  return `${imports.join("\n")}\nexport {};\n${scopes.join("")}${end}${"}".repeat(bodies.length - 1)}\n`;
}

/** Returns the output of each block from the output of a program. */
function outputsOf(stdout: string): readonly string[] {
  return stdout.split(`${SEPARATOR}\n`).slice(0, -1);
}

const IMPORT = /^import (?:(type )?\{([^}]*)\}|([^{}"]+?)) from ("[^"]+");\n/gms;

/** Separates the imports of several blocks from their code, and removes duplicate imports. */
function separateImports(codes: readonly string[]): { imports: readonly string[]; bodies: readonly string[] } {
  const imports = new Set<string>();
  const bodies = codes.map((code) =>
    code.replaceAll(
      IMPORT,
      (_all, type: string | undefined, names: string | undefined, whole: string, from: string) => {
        if (names === undefined) imports.add(`import ${whole} from ${from};`);
        for (const name of names?.split(",") ?? []) {
          if (name.trim() !== "") imports.add(`import { ${type ?? ""}${name.trim()} } from ${from};`);
        }
        return "";
      },
    ),
  );
  return { imports: [...imports], bodies };
}

const run = promisify(execFile);

/** Writes a program to its file. Returns the full path. */
export async function writeProgram(program: Program, code = asModule(program)): Promise<string> {
  const file = join(root, program.file);
  cleanUpLater({ path: dirname(file) });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code);
  return file;
}

/** Runs a program in a process, and compares the output of each block with the document. */
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
  // Only programs with real servers log their connections.
  const errors = stderr.replaceAll(/^Connected .*\n/gm, "");
  expect({ outputs, errors }).toEqual({ outputs: shown, errors: "" });
}

/** Replaces all numbers of an output by 0 if they differ between runs. */
function comparable(output: string, block: Block | undefined): string {
  return block?.numbersDiffer === true ? output.replaceAll(/\d+(\.\d+)*/g, "0") : output;
}

/** Removes the folders of the files of programs. */
export async function removePrograms(programs: readonly Program[]): Promise<void> {
  for (const folder of new Set(programs.map(({ file }) => dirname(file)))) {
    await rm(join(root, folder), { recursive: true, force: true });
    forget({ path: join(root, folder) });
  }
}
