import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { regressions } from "./frame/compare.js";
import { pin } from "./frame/cores.js";
import { svg } from "./frame/plot.js";
import { ratioLine, report } from "./frame/report.js";
import { type Found, merge, type Results, sectionsOf } from "./frame/results.js";
import { suites } from "./suites.js";

const usage = `npm run bench [-- options]
  --full     more rounds and the largest stores, half an hour (else five minutes)
  --compare  writes nothing; fails where a ratio is worse than in the committed results of the same form
  --only     a suite, by name; may be repeated; writes nothing: ${suites.map(({ name }) => name).join(", ")}
  --write    with --only: puts what these suites found in the place of what is committed of them`;

const { values: options } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    compare: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    write: { type: "boolean", default: false },
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
  const names = suites.map(({ name }) => name);
  const unknown = options.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    say(`There is no suite "${unknown}".\n${usage}`);
    return 2;
  }
  const how = description(pin(process.pid, "client"));
  const found: Record<string, Found> = {};
  for (const suite of suites.filter(({ name }) => options.only?.includes(name) ?? true)) {
    say(`${suite.name} …`);
    const sections = await suite.measure({ full: options.full, say });
    for (const ratio of sections.flatMap(({ ratios }) => ratios)) say(ratioLine(ratio));
    found[suite.name] = { how, sections };
  }
  if (options.compare) return compare(found);
  if (options.only === undefined) await write(found);
  else if (options.write) await write(merge(await committed(), found, names));
  return 0;
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
