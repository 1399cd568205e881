import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root, run } from "./run.mjs";

/** What an entry may take at most, with everything of ours that it loads, in KiB of gzip. Raise one on purpose only. */
const BUDGETS = {
  "job-store": { index: 22, redis: 60, memory: 13, subtitle: 23, opentelemetry: 8, testing: 69, cli: 82 },
  queue: { index: 16, rabbitmq: 20, memory: 8, opentelemetry: 8, testing: 30 },
};

/** @returns {Promise<string[]>} entries that are larger than their budget, or have none */
export async function oversized() {
  const complaints = [];
  for (const [name, budgets] of Object.entries(BUDGETS)) {
    const dist = join(root, "packages", name, "dist");
    for (const [entry, budget] of Object.entries(budgets)) {
      const code = [...(await reachable(dist, `${entry}.js`, new Map())).values()].join("\n");
      const size = gzipSync(code).length / 1024;
      if (size > budget) complaints.push(`@subtitles/${name}, ${entry}: ${size.toFixed(1)} KiB of ${budget}.`);
    }
  }
  return complaints;
}

/**
 * @param {string} folder
 * @param {string} file
 * @param {Map<string, string>} seen
 */
async function reachable(folder, file, seen) {
  if (seen.has(file)) return seen;
  const code = await readFile(join(folder, file), "utf8");
  seen.set(file, code);
  for (const [, name = ""] of code.matchAll(/^(?:import|export)[^;"]*"\.\/([^"]+)";$/gm)) {
    await reachable(folder, name, seen);
  }
  return seen;
}

/** Licences under which a package of ours may be used without a second thought. */
const LICENCES = ["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "0BSD", "Python-2.0"];

/** @returns {Promise<string[]>} what users would install with our packages under another licence */
export async function unusualLicences() {
  const args = ["licenses", "list", "--prod", "--json", "--filter", "./packages/*"];
  const { code, output } = await run("pnpm", args, { show: "nothing" });
  if (code !== 0) return [output.trim()];
  /** @type {Record<string, { name: string }[]>} */
  const licences = JSON.parse(output);
  return Object.entries(licences).flatMap(([licence, packages]) =>
    LICENCES.includes(licence) ? [] : packages.map(({ name }) => `${name} is under ${licence}.`),
  );
}
