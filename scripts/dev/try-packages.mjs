import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { oldestNode, toolsNode } from "./node-versions.mjs";
import { root, run } from "./run.mjs";
import { nodePackage } from "./tools.mjs";

/** The oldest that is supported of each line. */
export const ALL_NODES = [oldestNode, "22.22.0", toolsNode, "26.0.0"];

/**
 * Installs the packages, as they would be published, into a project of a user with npm, checks its types as TypeScript users
 * have them (nodenext, bundler, and without the types of Node), and runs it as an ES module and as CommonJS.
 *
 * @param {{ nodes: readonly string[], say?: (line: string) => void }} options versions to run it on, besides the present one
 * @returns {Promise<string[]>} what did not work
 */
export async function tryPackages({ nodes, say = () => undefined }) {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-user-"));
  cleanUpLater({ path: folder });
  try {
    return await tryIn(folder, nodes, say);
  } finally {
    await rm(folder, { recursive: true, force: true });
    forget({ path: folder });
  }
}

/**
 * @param {string} folder
 * @param {readonly string[]} nodes
 * @param {(line: string) => void} say
 */
async function tryIn(folder, nodes, say) {
  /** @type {string[]} */
  const complaints = [];
  /**
   * @param {string} what
   * @param {string} command
   * @param {string[]} args
   * @param {string} [cwd]
   */
  const step = async (what, command, args, cwd = folder) => {
    say(`${what} …`);
    const { code, output } = await run(command, args, { show: "nothing", cwd });
    if (code !== 0) complaints.push(`${what}:\n${output.trim()}`);
    return code === 0;
  };

  const tarballs = join(folder, "tarballs");
  await mkdir(tarballs);
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", tarballs];
  if (!(await step("pnpm packs them", "pnpm", packing, root))) return complaints;
  await cp(join(root, "test", "fixtures", "user"), folder, { recursive: true });
  const files = (await readdir(tarballs)).map((file) => join(tarballs, file));
  const manifest = { name: "user", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  // Oldest supported versions of the peers. vitest is not run, so it is enough that npm accepts it.
  const wanted = [...files, "zod@4.0.0", "@opentelemetry/api@1.3.0"];
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await step("npm accepts vitest 2 next to them", "npm", ["install", "--dry-run", ...flags, ...wanted, "vitest@2"]);
  if (!(await step("npm installs them", "npm", ["install", ...flags, ...wanted, "@types/node@24"]))) return complaints;

  for (const resolution of ["nodenext", "bundler", "browser"]) {
    await step(`their types under ${resolution}`, "tsc", ["--project", `tsconfig.${resolution}.json`]);
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
  return complaints;
}
