import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../scripts/dev/run.mjs";

/** One edit of a copy of the templates. It replaces lines of a file, renames a file or folder, or deletes a folder. */
export type Edit =
  | {
      readonly kind: "replace";
      readonly path: string;
      /** Beginnings of the first and the last line. */
      readonly lines: readonly [string, string];
      /** File in `test/fixtures/another-service` with the new lines. */
      readonly by: string;
    }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "delete"; readonly path: string };

/** Edits that turn the subtitle service into one that counts words of pages: another job, both stages renamed, one worker removed. */
export const edits: readonly Edit[] = [
  { kind: "replace", path: "contracts/job.ts", lines: ["/** Options of a stage's worker", "});"], by: "job.txt" },
  { kind: "delete", path: "contracts/subtitle" },
  { kind: "rename", path: "downloader", to: "pages" },
  { kind: "delete", path: "pages/sources" },
  { kind: "replace", path: "pages/work.ts", lines: ["import", "}"], by: "work.txt" },
  { kind: "replace", path: "pages/app.ts", lines: ["import", "}"], by: "app.txt" },
  { kind: "delete", path: "translator" },
  { kind: "delete", path: "samples" },
  { kind: "replace", path: "start.ts", lines: ["import { downloaderSettings", "const allSettings"], by: "imports.txt" },
  { kind: "replace", path: "start.ts", lines: ["  downloader:", "  translator:"], by: "apps.txt" },
  { kind: "replace", path: "compose.yaml", lines: ["  downloader:", "    command: translator"], by: "compose.txt" },
  { kind: "replace", path: "package.json", lines: ['  "name":', '  "name":'], by: "name.txt" },
];

/** Edits of the tests. */
export const testEdits: readonly Edit[] = [
  { kind: "replace", path: "contracts/test/sample.ts", lines: ["//", "export const resultWith"], by: "sample.txt" },
  { kind: "delete", path: "contracts/test/subtitle" },
  { kind: "replace", path: "pages/test/work.test.ts", lines: ["import", "});"], by: "work.test.txt" },
];

/** Applies edits to a copy, in order. */
export async function applyEdits(folder: string, all: readonly Edit[]): Promise<void> {
  for (const edit of all) {
    const path = join(folder, edit.path);
    if (edit.kind === "rename") await rename(path, join(folder, edit.to));
    else if (edit.kind === "delete") await rm(path, { recursive: true });
    else await replaceLines(path, edit.lines, join(root, "test/fixtures/another-service", edit.by));
  }
}

/** Replaces a range of lines. The last line is the last one of the file that has this beginning. */
async function replaceLines(path: string, [first, last]: readonly [string, string], by: string): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n");
  const start = lines.findIndex((line) => line.startsWith(first));
  const end = lines.findLastIndex((line) => line.startsWith(last));
  if (start < 0 || end < start) throw new Error(`${path} has no lines from "${first}" to "${last}".`);
  const added = (await readFile(by, "utf8")).trimEnd().split("\n");
  await writeFile(path, [...lines.slice(0, start), ...added, ...lines.slice(end + 1)].join("\n"));
}

/** Returns the rows of the README that list edits: number, kind and path. */
export function listedEdits(readme: string): readonly string[] {
  return Array.from(
    readme.matchAll(/^\| (?:\d+|T\d+) \| (\w+) `([^`]+)`/gm),
    ([, kind = "", path = ""]) => `${kind} ${path}`,
  );
}
