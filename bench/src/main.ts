import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Figures, figuresOf, regressions } from "./frame/compare.js";
import { pin } from "./frame/cores.js";
import { svg } from "./frame/plot.js";
import { ratioLine, report } from "./frame/report.js";
import type { Section } from "./frame/suite.js";
import { suites } from "./suites.js";

const usage = `npm run bench [-- options]
  --full     more rounds and the largest stores, for as long as it takes (else about five minutes)
  --compare  writes nothing; fails where a ratio is worse than in the committed results
  --only     suites, by name: ${suites.map(({ name }) => name).join(", ")}; writes nothing`;

const { values: options } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    compare: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    help: { type: "boolean", default: false },
  },
});

const folder = new URL("../", import.meta.url);
const say = (line: string) => console.log(line);

if (options.help) say(usage);
else process.exitCode = await bench();

async function bench(): Promise<number> {
  const chosen = suites.filter(({ name }) => options.only?.includes(name) ?? true);
  const apart = pin(process.pid, "client");
  const sections: Section[] = [];
  for (const suite of chosen) {
    say(`${suite.name} …`);
    const found = await suite.measure({ full: options.full, say });
    for (const ratio of found.flatMap(({ ratios }) => ratios)) say(ratioLine(ratio));
    sections.push(...found);
  }
  if (options.compare) return compare(sections);
  if (options.only === undefined) await write(sections, apart);
  return 0;
}

async function compare(sections: readonly Section[]): Promise<number> {
  const earlier: Figures = JSON.parse(await readFile(new URL("results.json", folder), "utf8"));
  const worse = regressions(sections, earlier);
  say(worse.length === 0 ? "\nNo ratio is worse than in the committed results." : `\nWorse:\n${worse.join("\n")}`);
  return worse.length === 0 ? 0 : 1;
}

async function write(sections: readonly Section[], apart: boolean): Promise<void> {
  const about =
    `Written by \`npm run bench${options.full ? " -- --full" : ""}\`: Node ${process.versions.node}, ` +
    `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores` +
    `${apart ? ", one for the servers and one for the client" : ""}. Servers are private to the run, reached through the ` +
    "loopback, and write nothing to disk. All contenders take turns in each round.";
  await mkdir(new URL("plots/", folder), { recursive: true });
  await writeFile(new URL("RESULTS.md", folder), report(sections, about));
  await writeFile(new URL("results.json", folder), `${JSON.stringify(figuresOf(sections), null, 2)}\n`);
  for (const { plot } of sections) {
    if (plot !== undefined) await writeFile(new URL(`plots/${plot.name}.svg`, folder), svg(plot));
  }
  say("\nWritten: bench/RESULTS.md, bench/results.json, bench/plots");
}
