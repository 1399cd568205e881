import { readFileSync } from "node:fs";
import { join } from "node:path";
import { documents, root } from "./documents.js";

/** A block of code that a document shows. */
export interface Block {
  readonly code: string;
  /** What the document says that it prints; null: it says nothing. */
  readonly output: string | null;
  /** Its numbers are those of one run: ```` ```text numbers-differ ````. */
  readonly numbersDiffer: boolean;
}

/** What one document shows: its blocks of code, each in the scope of those before it. */
export interface Program {
  /** As a test is called. */
  readonly name: string;
  /** Where it is written to: below the package that it belongs to, so that its imports are found. */
  readonly file: string;
  readonly place: Place;
  readonly blocks: readonly Block[];
}

/** Where a program runs: on memory drivers, on real servers, on both, as a file of tests; or on what a test of its own laid out. */
const PLACES = ["memory", "servers", "both", "vitest", "seeded"] as const;
type Place = (typeof PLACES)[number];

/**
 * The programs of every document. A block that begins with a file name (`// worker.ts`) starts a program, and so does the
 * first one; the others go on with it, and may name things anew. ```` ```ts servers ```` says where a program runs. Code
 * that a reader need not see stands before a block in a comment: `<!-- before: … -->`.
 */
export function allPrograms(): readonly Program[] {
  return documents().flatMap((document) => programsIn(document, readFileSync(join(root, document), "utf8")));
}

const BLOCK = /(?:^<!-- before:\n(.*?)^-->\n\n?)?^```(\S+)(?: ([^\n]*))?\n(.*?)^```$/gms;
const NAMED = /^\/\/ (\S+\.(?:ts|mjs))\n/;

function programsIn(document: string, text: string): readonly Program[] {
  const programs: (Omit<Program, "blocks"> & { readonly blocks: { -readonly [K in keyof Block]: Block[K] }[] })[] = [];
  for (const [, before = "", language = "", where = "memory", code = ""] of text.matchAll(BLOCK)) {
    if (language === "text") {
      const last = programs.at(-1)?.blocks.at(-1);
      if (last === undefined) throw new Error(`${document}: output, but no code before it`);
      last.output = (last.output ?? "") + code;
      last.numbersDiffer = where === "numbers-differ";
    } else if (language === "ts" || language === "js") {
      const place = PLACES.find((known) => known === where);
      if (place === undefined) throw new Error(`${document}: nobody knows the place "${where}"`);
      const name = NAMED.exec(code)?.[1];
      if (name !== undefined || programs.length === 0 || place === "vitest") {
        const slug = document.replace(/\.md$/, "").replaceAll("/", "-");
        const file = `${slug}-${(name ?? `code${programs.length}`).replace(/\.\w+$/, "")}.${place === "vitest" ? "test.mts" : "mts"}`;
        programs.push({
          name: name === undefined ? document : `${document}: ${name}`,
          file: join(home(document), "node_modules/.documents", file),
          place,
          blocks: [],
        });
      }
      programs.at(-1)?.blocks.push({ code: before + code, output: null, numbersDiffer: false });
    } else if (language !== "sh") {
      throw new Error(`${document}: nobody checks a block of "${language}"`);
    }
  }
  return programs;
}

/** From the root both packages are found, and from the demonstration all examples. */
function home(document: string): string {
  return document.startsWith("examples/") ? "examples/demo" : ".";
}

/** Ends the output of each block. */
const MARK = "\u0000";

/** One module: the imports of all blocks, then each block in a scope within the one before it. */
export function asModule({ blocks, place }: Program): string {
  const { imports, bodies } = withoutImports(blocks.map(({ code }) => code));
  if (place === "vitest") return [...imports, ...bodies].join("\n");
  const scopes = bodies.map((body, position) => {
    const last = position === bodies.length - 1;
    return `${body.replace(/^export /gm, "")}\nconsole.log("\\u0000");\n${last ? "" : "{\n"}`;
  });
  // Where pieces are shown, not every one of them closes what it opened.
  const end = blocks.length > 1 ? "process.exit();\n" : "";
  return `${imports.join("\n")}\nexport {};\n${scopes.join("")}${end}${"}".repeat(bodies.length - 1)}\n`;
}

/** What each block of a program printed. */
export function outputsOf(stdout: string): readonly string[] {
  return stdout.split(`${MARK}\n`).slice(0, -1);
}

const IMPORT = /^import (?:(type )?\{([^}]*)\}|([^{}"]+?)) from ("[^"]+");\n/gms;

/** Imports of the same name from the same place are one. */
function withoutImports(codes: readonly string[]): { imports: readonly string[]; bodies: readonly string[] } {
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
