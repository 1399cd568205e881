import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Modules that browsers do not have. */
const builtIns = ["node:*", ...builtinModules];

/** Bundles a program that uses the packages, as they are built, for a browser: a script that defines `program`. */
export async function bundleForBrowser(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    bundle: true,
    format: "iife",
    globalName: "program",
    platform: "browser",
    target: "es2022",
    external: builtIns,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  return {
    script: outputFiles[0]?.text ?? "",
    /** Imports of built-in modules of Node, which no browser can resolve. */
    builtIns: imports.filter(({ external }) => external === true).map(({ path }) => path),
  };
}
