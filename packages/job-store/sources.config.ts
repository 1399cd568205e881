import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Returns a Lua script without lines that are comments or empty. The scripts are sent to each server. */
export function withoutComments(script: string): string {
  return script.replace(/^ *--.*\n|^\n/gm, "");
}

const folder = fileURLToPath(new URL("src/lib/dashboard/page", import.meta.url));

/** Name of the module that exports the page of the dashboard as text. */
export const PAGE_MODULE = "dashboard-page";

/** Returns the source of a module that exports the script and the style of the page of the dashboard as text. */
export async function pageModule(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${folder}/main.tsx`, `${folder}/style.css`],
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome111", "firefox114", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "error",
  });
  const textOf = (name: string) => JSON.stringify(outputFiles.find(({ path }) => path.endsWith(name))?.text ?? "");
  return `export const script = ${textOf("main.js")};\nexport const style = ${textOf("style.css")};\n`;
}
