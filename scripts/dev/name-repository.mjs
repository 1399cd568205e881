// Writes the address of the repository into the package.json of each package. npm rejects a package with provenance without this
// address, and uses it for the links of the README. The address is not committed, because a fork has another one.
//
//   node scripts/dev/name-repository.mjs https://github.com/someone/something
//
// With --check, in the folder of a package, it fails if the package.json does not contain the address.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const USAGE = "node scripts/dev/name-repository.mjs https://<host>/<owner>/<name>";

/**
 * Returns the manifest with the fields that npm reads the address from.
 *
 * @param {Record<string, unknown>} manifest content of a package.json
 * @param {string} url address of the repository's web page
 * @param {string} directory path of the package below the root
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
 * @param {{ name?: unknown, repository?: unknown, homepage?: unknown, bugs?: unknown }} manifest content of a package.json
 * @throws {Error} if the manifest does not contain the address of the repository
 */
export function assertRepository({ name, repository, homepage, bugs }) {
  if (repository && homepage && bugs) return;
  throw new Error(`The package.json of ${name} has no repository, homepage or bugs. Before you publish, run ${USAGE}`);
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
