import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { root, run } from "./run.mjs";

/** Largest size of each entry with all code of the package that it loads, in KiB after gzip. Raise a budget only on purpose. */
const BUDGETS = {
  "job-store": {
    index: 35,
    redis: 98,
    memory: 31,
    subtitle: 36,
    dashboard: 85,
    opentelemetry: 8,
    testing: 116,
    cli: 132,
  },
  queue: { index: 19, rabbitmq: 23, memory: 8, worker: 33, opentelemetry: 8, testing: 36 },
};

/** @returns {Promise<string[]>} a complaint for each entry that is larger than its budget */
export async function oversizedEntries() {
  const complaints = [];
  for (const [name, budgets] of Object.entries(BUDGETS)) {
    const dist = join(root, "packages", name, "dist");
    for (const [entry, budget] of Object.entries(budgets)) {
      const code = [...(await reachable(dist, `${entry}.js`, new Map())).values()].join("\n");
      const size = gzipSync(code).length / 1024;
      if (size > budget) {
        complaints.push(`@subtitles/${name}, ${entry}: ${size.toFixed(1)} KiB, more than its budget of ${budget} KiB.`);
      }
    }
  }
  return complaints;
}

/**
 * Adds the code of a built file, and of the files that it imports from the same folder, to a map by file name.
 *
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

/** Largest size of everything that the page of the dashboard loads before it calls the handler, in KiB after gzip. */
const PAGE_BUDGET = 60;

/** @returns {Promise<string[]>} a complaint if the page is too large, and for each package that its entry imports and users do not install */
export async function oversizedPage() {
  const entry = (/** @type {string} */ name) => import(pathToFileURL(join(root, "packages/job-store/dist", name)).href);
  const { createDashboard } = await entry("dashboard.js");
  const { memoryDriver } = await entry("memory.js");
  const dashboard = createDashboard({ stores: { jobs: { driver: memoryDriver() } }, may: () => true });
  const load = async (/** @type {string} */ query) =>
    (await dashboard.fetch(new Request(`http://page/${query}`))).text();
  const html = await load("");
  const assets = [...html.matchAll(/"(\?asset=[^"]+)"/g)].map(([, query = ""]) => query);
  const files = [html, ...(await Promise.all(assets.map(load)))];
  await dashboard.close();
  const size = files.reduce((sum, file) => sum + gzipSync(file).length, 0) / 1024;
  const complaints = await foreignImports(join(root, "packages/job-store"), "dashboard.js");
  if (assets.length >= 2 && size <= PAGE_BUDGET) return complaints;
  return [
    ...complaints,
    `The page of the dashboard: ${size.toFixed(1)} KiB in ${files.length} files, more than its budget of ${PAGE_BUDGET} KiB.`,
  ];
}

/**
 * @param {string} folder of a package
 * @param {string} entry built file
 * @returns {Promise<string[]>} a complaint for each imported package that is neither a dependency nor a peer
 */
async function foreignImports(folder, entry) {
  const { dependencies, peerDependencies } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const known = Object.keys({ ...dependencies, ...peerDependencies });
  const code = [...(await reachable(join(folder, "dist"), entry, new Map())).values()].join("\n");
  const names = [...code.matchAll(/^(?:import|export)[^;"]*"([^"./][^"]*)";$/gm)].map(([, name = ""]) => name);
  return [...new Set(names)]
    .filter((name) => !name.startsWith("node:") && !known.some((one) => name === one || name.startsWith(`${one}/`)))
    .map((name) => `${entry} imports ${name}, which is no dependency of the package.`);
}

/** Maximum length of a source file, in lines. */
const MAX_LINES = 450;

/** Range of the median length of a package's TypeScript files, in lines. Shorter files scatter what is read together. */
const MEDIAN_LINES = { min: 100, max: 180 };

/** @returns {Promise<string[]>} a complaint for each source file that is too long, and for each package with a median out of range */
export async function unevenSources() {
  const complaints = [];
  for (const name of Object.keys(BUDGETS)) {
    const folder = join(root, "packages", name, "src");
    /** @type {Map<string, number>} */
    const lengths = new Map();
    for (const file of (await readdir(folder, { recursive: true })).sort()) {
      if (!/\.(tsx?|lua)$/.test(file)) continue;
      lengths.set(
        file.replaceAll("\\", "/"),
        (await readFile(join(folder, file), "utf8")).trimEnd().split("\n").length,
      );
    }
    complaints.push(...complaintsAboutLengths(`packages/${name}/src`, lengths));
  }
  return complaints;
}

/**
 * @param {string} folder of the source files, for the complaints
 * @param {ReadonlyMap<string, number>} lengths number of lines of each file, by its path below the folder
 * @returns {string[]}
 */
export function complaintsAboutLengths(folder, lengths) {
  const complaints = [...lengths]
    .filter(([, lines]) => lines > MAX_LINES)
    .map(([file, lines]) => `${folder}/${file}: ${lines} lines, more than the maximum of ${MAX_LINES}. Split it.`);
  // Lua scripts are short, because each one does one thing in one call. Their number does not count.
  const sorted = [...lengths].flatMap(([file, lines]) => (file.endsWith(".ts") ? [lines] : [])).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = ((sorted[middle] ?? 0) + (sorted[sorted.length - 1 - middle] ?? 0)) / 2;
  const { min, max } = MEDIAN_LINES;
  if (median < min || median > max) {
    const action = median < min ? "Merge files that are read together" : "Split files";
    complaints.push(`${folder}: the median file has ${median} lines, not ${min} to ${max}. ${action}.`);
  }
  return complaints;
}

/** Maximum number of lines of the templates, without blank ones. People read, copy and change a template in one evening. */
const MAX_TEMPLATE_LINES = 1_800;

/** @returns {Promise<string[]>} a complaint if the templates in `examples` are too long */
export async function oversizedTemplates() {
  const { output } = await run("git", ["ls-files", "-z", "examples"], { show: "nothing" });
  const files = output.split("\0").filter(isTemplate);
  const lines = await Promise.all(files.map(async (file) => filledLines(await readFile(join(root, file), "utf8"))));
  return complaintsAboutTemplates(lines.reduce((sum, each) => sum + each, 0));
}

/**
 * @param {string} file path below the root
 * @returns {boolean} true for code of the templates. Their tests and samples and the showcase do not count
 */
export function isTemplate(file) {
  return /^examples\/.+\.(ts|js|css|html)$/.test(file) && !/^examples\/(showcase|samples)\/|\/test\//.test(file);
}

/** @param {string} code */
export function filledLines(code) {
  return code.split("\n").filter((line) => line.trim() !== "").length;
}

/** @param {number} lines */
export function complaintsAboutTemplates(lines) {
  if (lines <= MAX_TEMPLATE_LINES) return [];
  return [
    `examples: the templates have ${lines} lines, more than the maximum of ${MAX_TEMPLATE_LINES}. Move code to the showcase.`,
  ];
}

/** Licences that are accepted for the dependencies of the packages. */
const LICENCES = ["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "0BSD", "Python-2.0"];

/** @returns {Promise<string[]>} a complaint for each dependency of the packages under another licence */
export async function unusualLicences() {
  const args = ["licenses", "list", "--prod", "--json", "--filter", "./packages/*"];
  const { code, output } = await run("pnpm", args, { show: "nothing" });
  if (code !== 0) return [output.trim()];
  /** @type {Record<string, { name: string }[]>} */
  const licences = JSON.parse(output);
  return Object.entries(licences).flatMap(([licence, packages]) =>
    LICENCES.includes(licence)
      ? []
      : packages.map(
          ({ name }) => `${name} has the licence ${licence}, which is not in the list of accepted licences.`,
        ),
  );
}
