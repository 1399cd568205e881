import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { detectMutants } from "./detect-mutants.js";
import { headOf, measureFailovers, rowOf } from "./failover/measure-failover.js";
import { findLeaks } from "./leaks/find-leaks.js";
import { plotOf } from "./leaks/plot.js";
import { compareLibraries } from "./libraries/compare-libraries.js";
import { headOf as librariesHead, rowOf as librariesRow } from "./libraries/measure-library.js";
import { lineOf as restartLine, restartServers } from "./restarts/restarts.js";
import { append, lineOf, readResults, summaryOf, toStored, totalsOf } from "./results.js";
import { runRound } from "./round.js";

const USAGE = `npm run chaos -- [--seed N] [--minutes M] [--each E] [--jobs J] [--resume] [--results FILE]   runs seeds N, N + 1, … with E minutes of faults and J orders each
npm run chaos -- --mutants [--mutant NAME] …   verifies that the checker detects each mutant
npm run chaos -- --failover                    counts the changes that are lost when a master is killed or isolated
npm run chaos -- --restarts N [--seed N] [--idle MINUTES]   restarts the servers N times, and checks that new jobs start in time
npm run chaos -- --libraries                   injects the same faults into other libraries
npm run chaos -- --leaks MINUTES [--plot FILE] checks that constant load does not increase the use of resources
npm run chaos -- --totals [--results FILE]     prints the totals of the results file
npm run chaos -- --help                        prints this text`;

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "10" },
    each: { type: "string", default: "1" },
    jobs: { type: "string" },
    results: { type: "string", default: join(packageFolder, "results.jsonl") },
    resume: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    mutant: { type: "string", multiple: true, default: [] },
    failover: { type: "boolean", default: false },
    libraries: { type: "boolean", default: false },
    restarts: { type: "string" },
    idle: { type: "string", default: "0" },
    leaks: { type: "string" },
    plot: { type: "string", default: join(packageFolder, "../docs/leaks.svg") },
    totals: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(USAGE);
else if (values.totals) console.log(summaryOf(totalsOf(await readResults(values.results))));
else if (values.mutants) process.exitCode = (await detectMutants(values.mutant)) ? 0 : 1;
else if (values.libraries) await printLibraries();
else if (values.restarts !== undefined) process.exitCode = (await restart(Number(values.restarts))) ? 0 : 1;
else if (values.leaks !== undefined) process.exitCode = (await findLeaksIn(Number(values.leaks))) ? 0 : 1;
else if (values.failover) await printFailovers();
else process.exitCode = (await runSeeds(Number(values.seed), Number(values.minutes), Number(values.each))) ? 0 : 1;

async function printFailovers(): Promise<void> {
  console.log(headOf());
  for await (const failover of measureFailovers()) console.log(rowOf(failover));
}

async function printLibraries(): Promise<void> {
  console.log(librariesHead());
  for await (const result of compareLibraries()) console.log(librariesRow(result));
}

/** Returns true if each job started in time. */
async function restart(count: number): Promise<boolean> {
  const [seed, minutes] = [Number(values.seed), Number(values.idle)];
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed) || !(minutes >= 0))
    throw new Error("--restarts must be a positive integer, --seed an integer, --idle a number of minutes.");
  const results = [];
  for await (const result of restartServers({ seed, count, longIdleMs: minutes * 60_000 })) {
    console.log(restartLine(result));
    results.push(result);
  }
  const slowest = Math.max(...results.map(({ startedAfterMs }) => startedAfterMs));
  const problems = results.flatMap((result) => result.problems);
  console.log(`${count} restarts, ${results.length} jobs, slowest start ${slowest} ms, ${problems.length} problems`);
  return problems.length === 0;
}

/** Returns true if no measured resource grew. */
async function findLeaksIn(minutes: number): Promise<boolean> {
  if (!(minutes > 0)) throw new Error("--leaks must be a positive number of minutes.");
  const { samples, orders, grown } = await findLeaks(minutes);
  const title = `${orders.toLocaleString("en")} orders in ${minutes} minutes`;
  await writeFile(values.plot, plotOf(samples, title));
  console.log(
    `${title}, ${samples.length} samples; ${grown.length === 0 ? "nothing grew" : `grown: ${grown.join(", ")}`}`,
  );
  return grown.length === 0;
}

/** Returns true if no guarantee was violated. */
async function runSeeds(first: number, minutes: number, each: number): Promise<boolean> {
  if (!Number.isInteger(first) || !(minutes > 0) || !(each > 0))
    throw new Error("--seed must be an integer, --minutes and --each must be positive numbers.");
  const passed = values.resume ? await passedSeeds() : new Set();
  const seeds = Array.from({ length: Math.ceil(minutes / each) }, (_, n) => first + n).filter(
    (seed) => !passed.has(seed),
  );
  const results = [];
  for (const seed of seeds) {
    const result = await runSeed(seed, Math.min(each, minutes) * 60_000);
    console.log(lineOf(result));
    results.push(result);
  }
  console.log(`\n${summaryOf(totalsOf(results))}`);
  return results.every(({ violations }) => violations.length === 0);
}

/** Returns the seeds whose last round had no violation. */
async function passedSeeds(): Promise<ReadonlySet<number>> {
  const results = await readResults(values.results);
  return new Set(results.filter(({ violations }) => violations.length === 0).map(({ seed }) => seed));
}

async function runSeed(seed: number, forMs: number) {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-chaos-"));
  try {
    const jobs = values.jobs === undefined ? {} : { jobs: Number(values.jobs) };
    const result = await runRound({ seed, forMs, folder, ...jobs });
    const stored = toStored(result);
    await append(values.results, stored);
    if (result.violations.length > 0) {
      const kept = join(packageFolder, "failed", `seed-${seed}`);
      await cp(folder, kept, { recursive: true });
      await writeFile(join(kept, "result.json"), JSON.stringify(result, null, 2));
      console.log(`The journals of its processes are in ${kept}`);
    }
    return stored;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
