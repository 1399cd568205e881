// What stands behind every root npm script. It needs Node and npm, nothing else, and sees to the rest itself: a current
// Node and pnpm (kept in npm's cache), the dependencies, the built packages. Then it runs the task.
//
//   node scripts/dev.mjs <bench | bench:queue-kill | build | chaos | check | ci | demo | docs | screenshots | test | test:busy> [args]
import { join } from "node:path";
import { build } from "./dev/build.mjs";
import { busy } from "./dev/busy.mjs";
import { check } from "./dev/check.mjs";
import { ci } from "./dev/ci.mjs";
import { docs } from "./dev/docs.mjs";
import { exitAs, root, run, say } from "./dev/run.mjs";
import { nothingRan, test } from "./dev/test.mjs";
import { findTools } from "./dev/tools.mjs";

/**
 * @typedef {object} Task
 * @property {(args: string[]) => Promise<number>} run returns the exit code
 * @property {() => void} [broken] prints the last line if the task could not start, or stopped with an error
 */

/** @type {Record<string, Task>} */
const tasks = {
  bench: { run: (args) => bench("start", args) },
  "bench:queue-kill": { run: (args) => bench("queue-kill", args) },
  build: { run: async () => 0 },
  chaos: { run: chaos },
  check: { run: check },
  ci: { run: ci, broken: nothingRan },
  demo: { run: demo },
  docs: { run: docs },
  screenshots: { run: screenshots },
  test: { run: test, broken: nothingRan },
  "test:busy": { run: busy },
};

/** @param {string[]} args */
async function demo(args) {
  return (await run("pnpm", ["--dir", "examples/demo", "--silent", "start", ...args])).code;
}

/**
 * @param {string} script of bench/package.json
 * @param {string[]} args
 */
async function bench(script, args) {
  return (await run("pnpm", ["--dir", "bench", "--silent", script, ...args])).code;
}

/** @param {string[]} args */
async function chaos(args) {
  return (await run("pnpm", ["--dir", "chaos", "--silent", "start", ...args])).code;
}

/** Every state of the page, as its tests come to it. */
async function screenshots() {
  const env = { SCREENSHOTS_FOLDER: join(root, "docs/screenshots") };
  return (await run("vitest", ["run", "--project", "page", "test/page/states.page.test.ts"], { env })).code;
}

/** @returns {Promise<boolean>} whether a task can begin */
async function prepare() {
  if (!(await findTools())) return false;
  say("Installing the dependencies as locked …");
  const installed = await run("pnpm", ["install", "--frozen-lockfile", "--config.confirmModulesPurge=false"], {
    show: "failures",
  });
  return installed.code === 0 && (await build());
}

const [name = "", ...rest] = process.argv.slice(2);
// npm takes the "--" away that separates its arguments from the task's, pnpm does not.
const args = rest[0] === "--" ? rest.slice(1) : rest;
const task = tasks[name];
if (task === undefined) {
  say(`Usage: node scripts/dev.mjs <${Object.keys(tasks).join(" | ")}> [arguments]`);
  exitAs(2);
} else {
  try {
    const prepared = await prepare();
    if (!prepared) task.broken?.();
    exitAs(prepared ? await task.run(args) : 1);
  } catch (error) {
    say(error instanceof Error ? `${error.stack}` : `${error}`);
    task.broken?.();
    exitAs(1);
  }
}
