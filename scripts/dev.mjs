// Entry point of every npm script of the root. It needs only Node and npm. Before each task it fetches a current Node and pnpm into
// npm's cache if they are missing, installs the dependencies, and builds the packages.
//
//   node scripts/dev.mjs <bench | bench:queue-kill | build | chaos | check | ci | copy | demo | docs | images | pack | screenshots | soak | test |
//                        test:busy | upgrades> [args]
import { join } from "node:path";
import { build } from "./dev/build.mjs";
import { busy } from "./dev/busy.mjs";
import { check } from "./dev/check.mjs";
import { ci } from "./dev/ci.mjs";
import { copy, pack } from "./dev/copy.mjs";
import { docs } from "./dev/docs.mjs";
import { exitWith, print, root, run } from "./dev/run.mjs";
import { printNothingRan, test } from "./dev/test.mjs";
import { findTools } from "./dev/tools.mjs";

/**
 * @typedef {object} Task
 * @property {(args: string[]) => Promise<number>} run returns the exit code
 * @property {() => void} [printFailure] prints the last line if the task could not start, or threw an error
 */

/** @type {Record<string, Task>} */
const tasks = {
  bench: { run: (args) => bench("start", args) },
  "bench:queue-kill": { run: (args) => bench("queue-kill", args) },
  build: { run: async () => 0 },
  chaos: { run: chaos },
  check: { run: check },
  ci: { run: ci, printFailure: printNothingRan },
  copy: { run: copy },
  demo: { run: demo },
  docs: { run: docs },
  images: { run: images },
  pack: { run: pack },
  screenshots: { run: screenshots },
  soak: { run: (args) => bench("soak", args) },
  test: { run: test, printFailure: printNothingRan },
  "test:busy": { run: busy },
  upgrades: { run: upgrades },
};

/** @param {string[]} args */
async function demo(args) {
  return (await run("pnpm", ["--dir", "examples/showcase/demo", "--silent", "start", ...args])).code;
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

async function images() {
  return (await run("node", ["--import", "tsx", "test/images/main.ts"])).code;
}

/**
 * Records stores of this version of the packages as text. See test/upgrades.
 *
 * @param {string[]} args "record"
 */
async function upgrades(args) {
  if (args.join(" ") !== "record") {
    print("Usage: npm run upgrades -- record");
    return 2;
  }
  return (await run("node", ["--import", "tsx", "test/upgrades/record.ts"])).code;
}

/** Takes a picture of every state of the example's page and of the dashboard. The tests of the states take them. */
async function screenshots() {
  const env = { SCREENSHOTS_FOLDER: join(root, "docs/screenshots") };
  const files = ["test/page/states.page.test.ts", "packages/job-store/test/dashboard/states.page.test.ts"];
  return (await run("vitest", ["run", "--project", "page", ...files], { env })).code;
}

/** @returns {Promise<boolean>} true if the task can start */
async function prepare() {
  if (!(await findTools())) return false;
  print("Installing the dependencies of pnpm-lock.yaml …");
  const installed = await run("pnpm", ["install", "--frozen-lockfile", "--config.confirmModulesPurge=false"], {
    show: "failures",
  });
  return installed.code === 0 && (await build());
}

const [name = "", ...rest] = process.argv.slice(2);
// npm removes the "--" before the arguments of the task; pnpm passes it on.
const args = rest[0] === "--" ? rest.slice(1) : rest;
const task = tasks[name];
if (task === undefined) {
  print(`Usage: node scripts/dev.mjs <${Object.keys(tasks).join(" | ")}> [arguments]`);
  exitWith(2);
} else {
  try {
    const prepared = await prepare();
    if (!prepared) task.printFailure?.();
    exitWith(prepared ? await task.run(args) : 1);
  } catch (error) {
    print(error instanceof Error ? `${error.stack}` : `${error}`);
    task.printFailure?.();
    exitWith(1);
  }
}
