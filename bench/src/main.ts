import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { findCallgrind } from "./frame/callgrind.js";
import { regressions } from "./frame/compare.js";
import { pin } from "./frame/cores.js";
import { svg } from "./frame/plot.js";
import { ratioLine, report } from "./frame/report.js";
import { type Found, merge, type Results, sectionsOf } from "./frame/results.js";
import type { Suite } from "./frame/suite.js";
import { instructions } from "./job-store/instructions.js";
import { suites } from "./suites.js";

const usage = `npm run bench [-- options]
  --full     more rounds and the largest stores, half an hour (else five minutes)
  --compare  writes nothing; fails where a ratio is worse than in the committed results of the same form
  --only     a suite, by name; may be repeated; writes nothing: ${suites.map(({ name }) => name).join(", ")}
  --write    with --only: puts what these suites found in the place of what is committed of them
  --instructions  counts the instructions of redis-server for each call instead, in a minute; needs valgrind;
             writes nothing without --write; --only limits it to rows whose names contain a text, for example "create"`;

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
/** Rounds of another length come to other ratios, so each form is compared with its own. */
const stored = new URL(options.full ? "results.full.json" : "results.json", folder);
const say = (line: string) => console.log(line);

if (options.help) say(usage);
else process.exitCode = await bench();

async function bench(): Promise<number> {
  const chosen = choose();
  if (typeof chosen === "string") {
    say(chosen);
    return 2;
  }
  const how = description(pin(process.pid, "client"));
  const found: Record<string, Found> = {};
  for (const suite of chosen) {
    say(`${suite.name} …`);
    const sections = await suite.measure({ full: options.full, say });
    for (const ratio of sections.flatMap(({ ratios }) => ratios)) say(ratioLine(ratio));
    found[suite.name] = { how, sections };
  }
  if (options.compare) return compare(found);
  const all = options.only === undefined && !options.instructions;
  const names = [...suites.map(({ name }) => name), "instructions"];
  if (all || options.write) await write(merge(await committed(), found, names));
  return 0;
}

/** Returns the suites that the options choose, or a message if they cannot run. */
function choose(): readonly Suite[] | string {
  const { only } = options;
  if (!options.instructions) {
    const unknown = only?.find((name) => suites.every((suite) => suite.name !== name));
    if (unknown !== undefined) return `There is no suite "${unknown}".\n${usage}`;
    return suites.filter(({ name }) => only?.includes(name) ?? true);
  }
  if (only !== undefined && options.write) return "--instructions --write needs all rows: omit --only.";
  const callgrind = findCallgrind();
  if (callgrind === null)
    return "--instructions needs valgrind, which is not installed (Debian, Ubuntu: apt install valgrind).";
  return [instructions(callgrind, only)];
}

function description(apart: boolean): string {
  return (
    `Run by \`npm run bench${options.full ? " -- --full" : ""}\`: Node ${process.versions.node}, ` +
    `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores` +
    `${apart ? ", one for the servers and one for the client" : ""}.`
  );
}

async function committed(): Promise<Results> {
  return JSON.parse(await readFile(stored, "utf8"));
}

async function compare(found: Results): Promise<number> {
  const worse = regressions(sectionsOf(found), await committed());
  say(worse.length === 0 ? "\nNo ratio is worse than in the committed results." : `\nWorse:\n${worse.join("\n")}`);
  return worse.length === 0 ? 0 : 1;
}

async function write(results: Results): Promise<void> {
  const about =
    "Written by `npm run bench`. Servers are private to the run, reached through the loopback, and write nothing to disk. " +
    "All contenders take turns in each round.";
  await mkdir(new URL("plots/", folder), { recursive: true });
  await writeFile(new URL("RESULTS.md", folder), report(results, about));
  await writeFile(stored, `${JSON.stringify(results, null, 1)}\n`);
  for (const { plot } of sectionsOf(results)) {
    if (plot !== undefined) await writeFile(new URL(`plots/${plot.name}.svg`, folder), svg(plot));
  }
  say("\nWritten: bench/RESULTS.md, its plots, and the numbers for --compare");
}
