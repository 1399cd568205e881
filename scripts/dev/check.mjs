import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { findMachineNames } from "./machine-names.mjs";
import { root, run, say } from "./run.mjs";

/**
 * Everything that can be checked without running the software. All checks run, even after one has failed.
 *
 * @returns {Promise<number>} the exit code
 */
export async function check() {
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

  say("Names of one machine or registry in the files …");
  const names = await findMachineNames();
  if (names.length > 0) {
    say(names.join("\n"));
    failures.push("Names of one machine or registry in the files");
  }

  say(failures.length === 0 ? "\nAll checks passed." : `\nFailed: ${failures.join("; ")}.`);
  return failures.length === 0 ? 0 : 1;
}

/** @returns {Promise<string[]>} folders with a tsconfig.json, relative to the root */
async function typedFolders() {
  const folders = [".", "bench", "chaos"];
  for (const group of ["packages", "examples"]) {
    for (const name of await readdir(join(root, group))) folders.push(`${group}/${name}`);
  }
  return folders.filter((folder) => existsSync(join(root, folder, "tsconfig.json")));
}
