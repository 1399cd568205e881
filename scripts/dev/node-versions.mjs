import { readFileSync } from "node:fs";

/** Version of Node that runs the tools if the installed one is too old for them. */
export const toolsNode = "24.21.0";

/** Lowest version of Node in `engines`, in full. */
export const oldestNode = lowestOf(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")));

/**
 * @param {{ engines: { node: string } }} manifest with a range of `>=` and one version
 * @returns {string} for example "20.19.0"
 */
export function lowestOf({ engines: { node: range } }) {
  const [, lowest = "", patch = ".0"] = /^>=(\d+\.\d+)(\.\d+)?$/.exec(range) ?? [];
  if (lowest === "")
    throw new Error(`engines.node is "${range}". It must be ">=" and one version, for example ">=20.19".`);
  return lowest + patch;
}

/**
 * Returns true if every tool declares support for this version of Node.
 *
 * @param {string} version
 */
export function supportsTools(version) {
  const [line = 0, minor = 0] = version.split(".").map(Number);
  return (line === 22 && minor >= 22) || (line === 24 && minor >= 11) || line >= 26;
}

/**
 * Returns true if building and testing work on this version of Node, although not every tool declares support for it.
 *
 * @param {string} version
 */
export function runsTools(version) {
  const [line = 0, minor = 0] = version.split(".").map(Number);
  return (line === 20 && minor >= 19) || line >= 22;
}
