import { homedir } from "node:os";
import { root, run } from "./run.mjs";

/**
 * Finds paths and host names in committed files that exist only on one machine: home folders, the path of the checkout, registries.
 *
 * @returns {Promise<string[]>} the lines, with file and line number
 */
export async function findMachineNames() {
  const checkout = root.replace(/[\\/]$/, "");
  const patterns = [
    // Home folders.
    "(^|[^[:alnum:]./:-])/(home|Users|root)/[[:alnum:]]",
    // Registries in lockfiles and settings.
    "registry\\.[[:alnum:]-]+\\.[[:alnum:]]",
    escapeRegExp(checkout),
    ...(homedir().length > "/root".length ? [escapeRegExp(homedir())] : []),
  ];
  const { output } = await run("git", ["grep", "-nIE", ...patterns.flatMap((pattern) => ["-e", pattern])], {
    show: "nothing",
  });
  return output.split("\n").filter((line) => line !== "");
}

/** @param {string} text */
function escapeRegExp(text) {
  return text.replaceAll(/[.[\]*+?(){}|^$\\]/g, "\\$&");
}
