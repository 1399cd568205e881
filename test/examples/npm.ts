import { root } from "../../scripts/dev/run.mjs";
import { runInTest } from "../processes.js";

/** Packs the packages into a folder, as they are published. */
export async function packPackages(folder: string): Promise<void> {
  // PATH with a Node on which pnpm runs. It does not run on the oldest Node.
  const tools = { ...process.env, PATH: process.env.TOOLS_PATH ?? process.env.PATH };
  const packing = ["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", folder];
  await runInTest("pnpm", packing, { cwd: root, env: tools });
}

/** Runs npm in a folder. Returns its output. */
export function npmIn(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return runInTest("npm", args, { cwd: folder, env: { ...userEnvironment(), ...env } });
}

/** Returns the environment without the settings of npm and pnpm that belong to the checkout, except the paths of the user's settings. */
function userEnvironment(): NodeJS.ProcessEnv {
  const settings = /^(npm|pnpm)_(?!config_(global|user)config$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.test(name)));
}
