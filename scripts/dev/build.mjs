import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root, run, say } from "./run.mjs";

/** Remembers what was built last. */
const stampFile = join(root, "node_modules", ".cache", "subtitles", "built");

/**
 * Builds the packages, unless what they are made from and what was made are as the last build left them.
 *
 * @returns {Promise<boolean>} whether the packages are built
 */
export async function build() {
  const stamp = await readFile(stampFile, "utf8").catch(() => "");
  if (stamp === (await fingerprint())) return true;
  say("Building the packages …");
  const { code } = await run("pnpm", ["--recursive", "--filter", "./packages/*", "run", "build"], { show: "failures" });
  if (code !== 0) return false;
  await mkdir(dirname(stampFile), { recursive: true });
  await writeFile(stampFile, await fingerprint());
  return true;
}

/** Of every file in the packages, sources and built ones, and of what else decides how they are built. */
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
