import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkApi } from "./api-reports.mjs";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { wrongLinks } from "./documents.mjs";
import { findMachineNames } from "./machine-names.mjs";
import { oversizedEntries, oversizedPage, oversizedTemplates, unevenSources, unusualLicences } from "./measures.mjs";
import { wrongAlerts } from "./monitoring.mjs";
import { print, root, run } from "./run.mjs";
import { ALL_NODES, tryPackages } from "./try-packages.mjs";
import { findWording } from "./wording.mjs";
import { wrongWorkflows } from "./workflows.mjs";

/**
 * @param {string[]} args `--all-nodes`: sets `allNodes` of {@link failedChecks}
 * @returns {Promise<number>} the exit code
 */
export async function check(args) {
  const failures = await failedChecks({ allNodes: args.includes("--all-nodes") });
  print(failures.length === 0 ? "\nAll checks passed." : `\nFailed: ${failures.join("; ")}.`);
  return failures.length === 0 ? 0 : 1;
}

/**
 * Runs all static checks. After a failed check the others still run.
 *
 * @param {{ allNodes?: boolean }} [options] `allNodes`: also runs the packages in a user's project on every supported line of
 * Node, and compiles it with the oldest and the newest TypeScript and zod
 * @returns {Promise<string[]>} names of the checks that failed
 */
export async function failedChecks({ allNodes = false } = {}) {
  /** @type {string[]} */
  const failures = [];

  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   */
  async function step(name, command, args) {
    print(`${name} …`);
    const { code } = await run(command, args, { show: "failures" });
    if (code !== 0) failures.push(name);
  }

  /**
   * @param {string} name
   * @param {() => Promise<string[]>} complaintsOf
   */
  async function inspect(name, complaintsOf) {
    print(`${name} …`);
    const complaints = await complaintsOf();
    if (complaints.length === 0) return;
    print(complaints.join("\n"));
    failures.push(name);
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
      await step(`Types of ${file} in a user's project`, "attw", [tarball, "--profile", "esm-only"]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    forget({ path: folder });
  }

  await inspect("Workflows", wrongWorkflows);
  await inspect("Alert rules", wrongAlerts);
  await inspect("Paths and registries of one machine", findMachineNames);
  await inspect("Public API: reports and doc comments", checkPublicApi);
  await inspect("Reference page", async () => {
    // It imports typescript, which is installed only now.
    const { checkReference } = await import("./reference.mjs");
    return checkReference({ update: process.env.CI !== "true" });
  });
  await inspect("Links of the documents", async () => wrongLinks());
  await inspect("Wording of comments and messages", findWording);
  await inspect("Lengths of the source files", unevenSources);
  await inspect("Length of the templates", oversizedTemplates);
  await inspect("Sizes of the package entries", oversizedEntries);
  await inspect("Size of the page of the dashboard", oversizedPage);
  await inspect("Licences of the dependencies", unusualLicences);
  if (allNodes) {
    await inspect("Packages in a user's project", () => tryPackages({ nodes: ALL_NODES, allCompilers: true, print }));
  }
  return failures;
}

/** Writes reports that are out of date. With CI=true, such a report is an error instead. */
function checkPublicApi() {
  return checkApi({ update: process.env.CI !== "true" });
}

/** @returns {Promise<string[]>} folders with a tsconfig.json, relative to the root */
async function typedFolders() {
  const folders = [".", "examples", "bench", "chaos", "examples/showcase/manager/page"];
  folders.push("packages/job-store/src/lib/dashboard/page");
  for (const group of ["packages", "examples/showcase"]) {
    for (const name of await readdir(join(root, group))) folders.push(`${group}/${name}`);
  }
  return folders.filter((folder) => existsSync(join(root, folder, "tsconfig.json")));
}
