import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { oldestNode, toolsNode } from "./node-versions.mjs";
import { root, run } from "./run.mjs";
import { nodePackage } from "./tools.mjs";

/** Oldest supported version of each line of Node. */
export const ALL_NODES = [oldestNode, "22.22.0", toolsNode, "26.0.0"];

/** Oldest supported version of TypeScript, and the newest. `npm run check -- --all-nodes` checks the types of the project with them too. */
const COMPILERS = ["5.4.5", "7.0.2"];

/**
 * Packs the packages, and installs them with npm in a user's project. Checks the types of the project with the settings of several
 * users (nodenext, bundler, and without the types of Node), and runs it as an ES module and as CommonJS.
 *
 * @param {{ nodes: readonly string[], allCompilers?: boolean, print?: (line: string) => void }} options `nodes`: versions of
 * Node to run the project on, in addition to the current one; `allCompilers`: also uses the oldest and the newest TypeScript, and the newest
 * zod
 * @returns {Promise<string[]>} a complaint for each failed step
 */
export async function tryPackages({ nodes, allCompilers = false, print = () => undefined }) {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-user-"));
  cleanUpLater({ path: folder });
  try {
    return await tryIn(folder, { nodes, allCompilers, print });
  } finally {
    await rm(folder, { recursive: true, force: true });
    forget({ path: folder });
  }
}

/**
 * @param {string} folder
 * @param {{ nodes: readonly string[], allCompilers: boolean, print: (line: string) => void }} options
 */
async function tryIn(folder, { nodes, allCompilers, print }) {
  /** @type {string[]} */
  const complaints = [];
  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {string} [cwd]
   */
  const step = async (name, command, args, cwd = folder) => {
    print(`${name} …`);
    const { code, output } = await run(command, args, { show: "nothing", cwd });
    if (code !== 0) complaints.push(`${name}:\n${output.trim()}`);
    return code === 0;
  };

  const tarballs = join(folder, "tarballs");
  await mkdir(tarballs);
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", tarballs];
  if (!(await step("pnpm packs the packages", "pnpm", packing, root))) return complaints;
  await cp(join(root, "test", "fixtures", "user"), folder, { recursive: true });
  const files = (await readdir(tarballs)).map((file) => join(tarballs, file));
  const manifest = { name: "user", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  // Oldest supported versions of the peer dependencies. vitest does not run, so it is enough that npm accepts it.
  const dependencies = [...files, "zod@4.0.0", "@opentelemetry/api@1.3.0"];
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await step("npm accepts vitest 2 as a peer dependency", "npm", [
    "install",
    "--dry-run",
    ...flags,
    ...dependencies,
    "vitest@2",
  ]);
  if (!(await step("npm installs the packages", "npm", ["install", ...flags, ...dependencies, "@types/node@24"])))
    return complaints;

  for (const resolution of ["nodenext", "bundler", "browser"]) {
    await step(`Types of the project with ${resolution}`, "tsc", ["--project", `tsconfig.${resolution}.json`]);
  }
  if (allCompilers) {
    for (const version of COMPILERS) {
      const compile = "tsc --project tsconfig.nodenext.json";
      const args = ["--yes", "--prefer-offline", "-p", `typescript@${version}`, "-c", compile];
      await step(`Types of the project with TypeScript ${version} and the oldest zod`, "npx", args);
    }
  }
  const scripts = ["service.mjs", "service.cjs"];
  for (const script of scripts) await step(`${script} on Node ${process.versions.node}`, process.execPath, [script]);
  const commands = scripts.map((script) => `node ${script}`).join(" && ");
  for (const version of nodes) {
    const tool = nodePackage(version);
    if (tool === null) continue;
    const args = ["--yes", "--prefer-offline", "-p", tool, "-c", commands];
    await step(`${scripts.join(" and ")} on Node ${version}`, "npx", args);
  }
  if (allCompilers && (await step("npm installs the newest zod", "npm", ["install", ...flags, "zod@4"]))) {
    await step("Types of the project with the newest zod", "tsc", ["--project", "tsconfig.nodenext.json"]);
    for (const script of scripts) await step(`${script} with the newest zod`, process.execPath, [script]);
  }
  return complaints;
}
