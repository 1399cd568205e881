// For the release workflow: writes into each package where it is kept. Provenance is refused where that is not said, and npm's
// page makes the links of a README from it. It is not committed, since a fork is kept elsewhere.
//
//   node scripts/dev/name-repository.mjs https://github.com/someone/something
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

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

const [, script, url] = process.argv;
if (script === fileURLToPath(import.meta.url)) {
  if (url === undefined || !/^https:\/\/[^/]+\/[^/]+\/[^/]+$/.test(url)) {
    throw new Error("Usage: node scripts/dev/name-repository.mjs https://<host>/<owner>/<name>");
  }
  for (const directory of ["packages/job-store", "packages/queue"]) {
    const file = join(root, directory, "package.json");
    const manifest = withRepository(JSON.parse(await readFile(file, "utf8")), url, directory);
    await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
}
