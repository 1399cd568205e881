import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { print, root, run } from "./run.mjs";

/** File with the fingerprint of the last build. */
const stampFile = join(root, "node_modules", ".cache", "subtitles", "built");

/**
 * Builds the packages, unless their sources and their built files are the same as after the last build.
 *
 * @returns {Promise<boolean>} true if the packages are built
 */
export async function build() {
  const stamp = await readFile(stampFile, "utf8").catch(() => "");
  if (stamp === (await fingerprint())) return true;
  print("Building the packages …");
  const { code } = await run("pnpm", ["--recursive", "--filter", "./packages/*", "run", "build"], { show: "failures" });
  if (code !== 0) return false;
  await mkdir(dirname(stampFile), { recursive: true });
  await writeFile(stampFile, await fingerprint());
  return true;
}

/** Returns a hash of all source files and built files of the packages, and of the files that influence the build. */
async function fingerprint() {
  const hash = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "tsconfig.base.json"]) hash.update(await readFile(join(root, file)));
  for await (const file of filesIn(join(root, "packages"))) hash.update(`\0${file}\0`).update(await readFile(file));
  return hash.digest("hex");
}

/**
 * @param {string} folder
 * @returns {AsyncGenerator<string>}
 */
async function* filesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== "test") yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}
