// Writes into each package where it is kept. Provenance is refused where that is not said, and npm's page makes the links of a
// README from it. It is not committed, since a fork is kept elsewhere: the release workflow names its own repository.
//
//   node scripts/dev/name-repository.mjs https://github.com/someone/something
//
// With --check, in the folder of a package, it refuses one that does not say it: no publishing by hand forgets it.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const USAGE = "node scripts/dev/name-repository.mjs https://<host>/<owner>/<name>";

/**
 * @param {Record<string, unknown>} manifest of a package
 * @param {string} url as a browser shows it
 * @param {string} directory of the package, below the root
 */
export function withRepository(manifest, url, directory) {
  return {
    ...manifest,
    repository: { type: "git", url: `git+${url}.git`, directory },
    homepage: `${url}/tree/main/${directory}#readme`,
    bugs: `${url}/issues`,
  };
}

/**
 * @param {{ name?: unknown, repository?: unknown, homepage?: unknown, bugs?: unknown }} manifest of a package
 * @throws where it does not say where it is kept
 */
export function assertRepository({ name, repository, homepage, bugs }) {
  if (repository && homepage && bugs) return;
  throw new Error(`${name} does not say where it is kept. Once, before you publish: ${USAGE}`);
}

/** @param {string} folder */
const read = async (folder) => JSON.parse(await readFile(join(folder, "package.json"), "utf8"));

const [, script, argument] = process.argv;
if (script === fileURLToPath(import.meta.url)) {
  if (argument === "--check") assertRepository(await read(process.cwd()));
  else if (argument === undefined || !/^https:\/\/[^/]+\/[^/]+\/[^/]+$/.test(argument))
    throw new Error(`Usage: ${USAGE}`);
  else {
    for (const directory of ["packages/job-store", "packages/queue"]) {
      const folder = join(root, directory);
      const manifest = withRepository(await read(folder), argument, directory);
      await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    }
  }
}
