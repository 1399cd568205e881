import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Edit } from "./mutants.js";

/** Program of the client processes. */
export interface ClientProgram {
  /** Path of its only file. */
  readonly path: string;
  /** True if a module was edited for a mutant. */
  readonly edited: boolean;
}

/** Modules of the packages whose code a mutant can change. */
const EDITABLE = /[/\\]packages[/\\]queue[/\\]dist[/\\].*\.js$/;

/** Builds the program in a folder. It is one file, because that starts in a fraction of the time. */
export async function buildClientProgram(folder: string, edit: Edit | null): Promise<ClientProgram> {
  const path = join(folder, "client.mjs");
  let edited = false;
  const editing = (find: RegExp, replace: string): Plugin => ({
    name: "edit",
    setup: ({ onLoad }) =>
      onLoad({ filter: EDITABLE }, async (args) => {
        const source = await readFile(args.path, "utf8");
        edited ||= find.test(source);
        return { contents: source.replace(find, replace) };
      }),
  });
  await build({
    entryPoints: [fileURLToPath(new URL("client/main.ts", import.meta.url))],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    // Some dependencies are CommonJS modules.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
    plugins: edit === null ? [] : [editing(edit.find, edit.replace)],
  });
  return { path, edited };
}
