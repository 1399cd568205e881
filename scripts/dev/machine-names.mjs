import { homedir } from "node:os";
import { root, run } from "./run.mjs";

/**
 * Lines of committed files that work on one machine only: they name a folder of someone's, or the host of a registry.
 *
 * @returns {Promise<string[]>}
 */
export async function findMachineNames() {
  const here = root.replace(/[\\/]$/, "");
  const patterns = [
    // Home folders.
    "(^|[^[:alnum:]./:-])/(home|Users|root)/[[:alnum:]]",
    // A registry as it stands in lockfiles and settings.
    "registry\\.[[:alnum:]-]+\\.[[:alnum:]]",
    literally(here),
    ...(homedir().length > "/root".length ? [literally(homedir())] : []),
  ];
  const { output } = await run("git", ["grep", "-nIE", ...patterns.flatMap((pattern) => ["-e", pattern])], {
    show: "nothing",
  });
  return output.split("\n").filter((line) => line !== "");
}

/** @param {string} text */
function literally(text) {
  return text.replaceAll(/[.[\]*+?(){}|^$\\]/g, "\\$&");
}
