import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Built-in modules of Node. Browsers do not have them. */
const builtInNames = ["node:*", ...builtinModules];

/** Bundles a program with the built packages for a browser. Returns a script that defines `program`. */
export async function bundleForBrowser(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    bundle: true,
    format: "iife",
    globalName: "program",
    platform: "browser",
    target: "es2022",
    external: builtInNames,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const imports = Object.entries(metafile.inputs).flatMap(([file, input]) =>
    input.imports.filter(({ external }) => external === true).map(({ path }) => ({ file, path })),
  );
  return {
    script: outputFiles[0]?.text ?? "",
    /** Imports of built-in modules of Node. */
    builtIns: imports.map(({ path }) => path),
    /** Imports of built-in modules of Node by the packages themselves, not by their dependencies. */
    ownBuiltIns: imports.filter(({ file }) => !file.includes("node_modules/")).map(({ path }) => path),
  };
}
