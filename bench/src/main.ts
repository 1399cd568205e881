import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { findCallgrind } from "./harness/callgrind.js";
import { pin } from "./harness/cores.js";
import { svg } from "./harness/plot.js";
import { ratioLine, report } from "./harness/report.js";
import { merge, type Results, regressions, type SuiteResult, sectionsOf } from "./harness/results.js";
import type { Suite } from "./harness/suite.js";
import { instructions } from "./job-store/instructions.js";
import { suites } from "./suites.js";

const usage = `npm run bench [-- options]
  --full     more rounds and larger datasets: half an hour instead of five minutes
  --compare  fails if a ratio is worse than in the committed results (with --full: results.full.json); writes nothing
  --only     runs one suite; can be repeated; writes nothing; names: ${suites.map(({ name }) => name).join(", ")}
  --write    with --only: replaces the committed results of these suites
  --instructions  counts the instructions of redis-server for each call; needs valgrind; takes a minute;
             writes nothing without --write; with --only: only rows whose names contain a text, for example "create"`;

const { values: options } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    compare: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    write: { type: "boolean", default: false },
    instructions: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const folder = new URL("../", import.meta.url);
/** Results of the same kind of run. Longer rounds and larger datasets produce other ratios, so they are stored separately. */
const stored = new URL(options.full ? "results.full.json" : "results.json", folder);
const log = (line: string) => console.log(line);

if (options.help) log(usage);
else process.exitCode = await bench();

async function bench(): Promise<number> {
  const chosen = choose();
  if (typeof chosen === "string") {
    log(chosen);
    return 2;
  }
  const how = description(pin(process.pid, "client"));
  const found: Record<string, SuiteResult> = {};
  for (const suite of chosen) {
    log(`${suite.name} …`);
    const sections = await suite.measure({ full: options.full, log });
    for (const ratio of sections.flatMap(({ ratios }) => ratios)) log(ratioLine(ratio));
    found[suite.name] = { how, sections };
  }
  if (options.compare) return compare(found);
  const all = options.only === undefined && !options.instructions;
  const names = [...suites.map(({ name }) => name), "instructions"];
  if (all || options.write) await write(merge(await committed(), found, names));
  return 0;
}

/** Returns the chosen suites, or an error message if the options are invalid. */
function choose(): readonly Suite[] | string {
  const { only } = options;
  if (!options.instructions) {
    const unknown = only?.find((name) => suites.every((suite) => suite.name !== name));
    if (unknown !== undefined) return `Unknown suite "${unknown}".\n${usage}`;
    return suites.filter(({ name }) => only?.includes(name) ?? true);
  }
  if (only !== undefined && options.write) return "--instructions --write needs all rows: omit --only.";
  const callgrind = findCallgrind();
  if (callgrind === null)
    return "--instructions needs valgrind, which is not installed (Debian, Ubuntu: apt install valgrind).";
  return [instructions(callgrind, only)];
}

function description(pinned: boolean): string {
  return (
    `Run by \`npm run bench${options.full ? " -- --full" : ""}\`: Node ${process.versions.node}, ` +
    `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores` +
    `${pinned ? ", one for the servers and one for the client" : ""}.`
  );
}

async function committed(): Promise<Results> {
  return JSON.parse(await readFile(stored, "utf8"));
}

async function compare(found: Results): Promise<number> {
  const worse = regressions(sectionsOf(found), await committed());
  log(worse.length === 0 ? "\nNo ratio is worse than in the committed results." : `\nWorse:\n${worse.join("\n")}`);
  return worse.length === 0 ? 0 : 1;
}

async function write(results: Results): Promise<void> {
  const about =
    "Written by `npm run bench`. The servers are private. They are reached through the loopback interface, and write nothing to disk. " +
    "Each round measures all libraries, one after another.";
  await mkdir(new URL("plots/", folder), { recursive: true });
  await writeFile(new URL("RESULTS.md", folder), report(results, about));
  await writeFile(stored, `${JSON.stringify(results, null, 1)}\n`);
  for (const { plot } of sectionsOf(results)) {
    if (plot !== undefined) await writeFile(new URL(`plots/${plot.name}.svg`, folder), svg(plot));
  }
  log("\nWritten: bench/RESULTS.md, its plots, and the numbers for --compare");
}
