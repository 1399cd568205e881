import { isReached, provenance, type Results, sectionsOf } from "./results.js";
import type { Ratio, Section, Table } from "./suite.js";

const HOW_TO_READ =
  "The targets are aims of this project, not guarantees. A target that was not reached is marked as missed. To compare libraries, read " +
  "the tables of the sections below. Their last column lists the guarantees of each library.";

/** Returns the report in Markdown. `about` describes the measurements that all sections have in common. */
export function report(results: Results, about: string): string {
  const sections = sectionsOf(results);
  const ratios = sections.flatMap((section) => section.ratios);
  return [
    "# Results",
    about,
    ...provenance(results),
    HOW_TO_READ,
    "## Targets",
    "A ratio compares the package with the library or the call after the slash. Each value is the median of all rounds, with the quartiles in brackets.",
    table({ head: ["ratio or value", "target", "measured", "result"], rows: ratios.map(ratioRow) }),
    ...sections.flatMap(sectionText),
    "",
  ].join("\n\n");
}

export function ratioLine(ratio: Ratio): string {
  const [name, target, measured, mark] = ratioRow(ratio);
  return `${mark === "" ? "  " : "! "}${name}: ${measured} (target ${target})`;
}

function ratioRow(ratio: Ratio): readonly string[] {
  const { name, value, wanted } = ratio;
  const range = value.low === value.high ? "" : ` (${formatted(value.low)}–${formatted(value.high)})`;
  return [
    name,
    "atLeast" in wanted ? `≥ ${formatted(wanted.atLeast)}` : `≤ ${formatted(wanted.atMost)}`,
    `${formatted(value.median)}${range}`,
    isReached(ratio) ? "" : "missed",
  ];
}

function sectionText({ title, about, plot, table: rows }: Section): readonly string[] {
  const picture = plot === undefined ? [] : [`![${plot.title}](plots/${plot.name}.svg)`];
  return [`## ${title}`, about, ...picture, table(rows)];
}

function table({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function formatted(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}
