// npm run chaos -- [--seed N] [--minutes M] [--each E] [--resume] [--results FILE]   seeds N, N + 1, …, each E minutes of faults (1)
// npm run chaos -- --mutants                                              whether each mutant is caught
// npm run chaos -- --failover                                             what is lost when a master is killed, or cut off
// npm run chaos -- --peers                                                the same faults for others
// npm run chaos -- --soak MINUTES [--plot FILE]                           whether steady load makes anything grow
// npm run chaos -- --totals [--results FILE]                              of the results so far
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { catchMutants } from "./catch-mutants.js";
import { failOvers, headOf, rowOf } from "./failover/measure.js";
import { headOf as peersHead, rowOf as peersRow } from "./peers/contest.js";
import { contests } from "./peers/main.js";
import { lineOf, summary } from "./report.js";
import { append, readResults, sum, toResult } from "./results.js";
import { round } from "./round.js";
import { plotOf } from "./soak/plot.js";
import { soak } from "./soak/soak.js";

const here = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "10" },
    each: { type: "string", default: "1" },
    results: { type: "string", default: join(here, "results.jsonl") },
    resume: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    failover: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    soak: { type: "string" },
    plot: { type: "string", default: join(here, "../docs/soak.svg") },
    totals: { type: "boolean", default: false },
  },
});

if (values.totals) console.log(summary(sum(await readResults(values.results))));
else if (values.mutants) process.exitCode = (await catchMutants()) ? 0 : 1;
else if (values.peers) await tellPeers();
else if (values.soak !== undefined) process.exitCode = (await soakFor(Number(values.soak))) ? 0 : 1;
else if (values.failover) await tellFailover();
else process.exitCode = (await runSeeds(Number(values.seed), Number(values.minutes), Number(values.each))) ? 0 : 1;

async function tellFailover(): Promise<void> {
  console.log(headOf());
  for await (const failover of failOvers()) console.log(rowOf(failover));
}

async function tellPeers(): Promise<void> {
  console.log(peersHead());
  for await (const score of contests()) console.log(peersRow(score));
}

/** Answers whether everything came back to where it was. */
async function soakFor(minutes: number): Promise<boolean> {
  if (!(minutes > 0)) throw new Error("--soak takes a number of minutes");
  const { samples, orders, grown } = await soak(minutes);
  const title = `${orders.toLocaleString("en")} orders in ${minutes} minutes`;
  await writeFile(values.plot, plotOf(samples, title));
  console.log(
    `${title}, ${samples.length} samples; ${grown.length === 0 ? "nothing has grown" : `grown: ${grown.join(", ")}`}`,
  );
  return grown.length === 0;
}

/** Answers whether all promises were kept. */
async function runSeeds(first: number, minutes: number, each: number): Promise<boolean> {
  if (!Number.isInteger(first) || !(minutes > 0) || !(each > 0))
    throw new Error("--seed takes a whole number, --minutes and --each a positive one");
  const known = values.resume ? await keptSeeds() : new Set();
  const seeds = Array.from({ length: Math.ceil(minutes / each) }, (_, n) => first + n).filter(
    (seed) => !known.has(seed),
  );
  const results = [];
  for (const seed of seeds) {
    const result = await runSeed(seed, Math.min(each, minutes) * 60_000);
    console.log(lineOf(result));
    results.push(result);
  }
  console.log(`\n${summary(sum(results))}`);
  return results.every(({ violations }) => violations.length === 0);
}

/** Seeds whose last run broke no promise. */
async function keptSeeds(): Promise<ReadonlySet<number>> {
  const results = await readResults(values.results);
  return new Set(results.filter(({ violations }) => violations.length === 0).map(({ seed }) => seed));
}

async function runSeed(seed: number, forMs: number) {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-chaos-"));
  try {
    const verdict = await round({ seed, forMs, folder });
    const result = toResult(verdict);
    await append(values.results, result);
    if (verdict.violations.length > 0) {
      const kept = join(here, "failed", `seed-${seed}`);
      await cp(folder, kept, { recursive: true });
      await writeFile(join(kept, "verdict.json"), JSON.stringify(verdict, null, 2));
      console.log(`What its processes wrote down is in ${kept}`);
    }
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
