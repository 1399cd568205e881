import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkApi } from "./api-reports.mjs";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { findMachineNames } from "./machine-names.mjs";
import { oversizedEntries, unusualLicences } from "./measures.mjs";
import { root, run, say } from "./run.mjs";
import { ALL_NODES, tryPackages } from "./try-packages.mjs";
import { wrongWorkflows } from "./workflows.mjs";

/**
 * @param {string[]} args `--all-nodes`: see {@link failedChecks}
 * @returns {Promise<number>} the exit code
 */
export async function check(args) {
  const failures = await failedChecks({ allNodes: args.includes("--all-nodes") });
  say(failures.length === 0 ? "\nAll checks passed." : `\nFailed: ${failures.join("; ")}.`);
  return failures.length === 0 ? 0 : 1;
}

/**
 * Checks everything that can be checked without running the software. With `allNodes`, it also runs the packages in a user's
 * project on every supported line of Node. All checks run, even after one has failed.
 *
 * @param {{ allNodes?: boolean }} [options]
 * @returns {Promise<string[]>} names of the checks that failed
 */
export async function failedChecks({ allNodes = false } = {}) {
  /** @type {string[]} */
  const failures = [];

  /**
   * @param {string} what
   * @param {string} command
   * @param {string[]} args
   */
  async function step(what, command, args) {
    say(`${what} …`);
    const { code } = await run(command, args, { show: "failures" });
    if (code !== 0) failures.push(what);
  }

  /**
   * @param {string} what
   * @param {() => Promise<string[]>} complaintsOf
   */
  async function look(what, complaintsOf) {
    say(`${what} …`);
    const complaints = await complaintsOf();
    if (complaints.length === 0) return;
    say(complaints.join("\n"));
    failures.push(what);
  }

  await step("Format and lint", "biome", ["check", "--error-on-warnings", "."]);
  for (const folder of await typedFolders()) {
    await step(`Types of ${folder === "." ? "the root" : folder}`, "tsc", ["--noEmit", "--project", folder]);
  }
  await step("Unused files, exports and dependencies", "knip", []);

  const folder = await mkdtemp(join(tmpdir(), "subtitles-packages-"));
  cleanUpLater({ path: folder });
  try {
    const filter = ["--recursive", "--filter", "./packages/*"];
    await step("Pack the packages", "pnpm", [...filter, "pack", "--pack-destination", folder]);
    for (const file of await readdir(folder)) {
      const tarball = join(folder, file);
      await step(`Contents of ${file}`, "publint", [tarball, "--strict"]);
      await step(`Types of ${file} as its users see them`, "attw", [tarball, "--profile", "esm-only"]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    forget({ path: folder });
  }

  await look("Workflows", wrongWorkflows);
  await look("Names of one machine or registry in the files", findMachineNames);
  await look("The public surface, and what is said of it", checkSurface);
  await look("Sizes of what the packages load", oversizedEntries);
  await look("Licences of what comes with the packages", unusualLicences);
  if (allNodes) {
    await look("The packages in a user's project", () => tryPackages({ nodes: ALL_NODES, say }));
  }
  return failures;
}

/** As API Extractor does it: a report that is out of date is written anew for you to commit, and an error with CI=true. */
function checkSurface() {
  return checkApi({ update: process.env.CI !== "true" });
}

/** @returns {Promise<string[]>} folders with a tsconfig.json, relative to the root */
async function typedFolders() {
  const folders = [".", "bench", "chaos", "examples/manager/page"];
  for (const group of ["packages", "examples"]) {
    for (const name of await readdir(join(root, group))) folders.push(`${group}/${name}`);
  }
  return folders.filter((folder) => existsSync(join(root, folder, "tsconfig.json")));
}
