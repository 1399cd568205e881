import { isReached } from "./compare.js";
import { provenance, type Results, sectionsOf } from "./results.js";
import type { Ratio, Section, Table } from "./suite.js";

/** The whole report in Markdown. `about` says how all of it was measured. */
export function report(results: Results, about: string): string {
  const sections = sectionsOf(results);
  const ratios = sections.flatMap((section) => section.ratios);
  return [
    "# Results",
    about,
    ...provenance(results),
    "## Targets",
    "Medians of the ratios of the same round; in brackets the middle half of the rounds.",
    table({ head: ["", "wanted", "reached", ""], rows: ratios.map(ratioRow) }),
    ...sections.flatMap(sectionText),
    "",
  ].join("\n\n");
}

export function ratioLine(ratio: Ratio): string {
  const [name, wanted, reached, mark] = ratioRow(ratio);
  return `${mark === "" ? "  " : "! "}${name}: ${reached} (wanted ${wanted})`;
}

function ratioRow(ratio: Ratio): readonly string[] {
  const { name, value, wanted } = ratio;
  const range = value.low === value.high ? "" : ` (${figure(value.low)}–${figure(value.high)})`;
  return [
    name,
    "atLeast" in wanted ? `≥ ${figure(wanted.atLeast)}` : `≤ ${figure(wanted.atMost)}`,
    `${figure(value.median)}${range}`,
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

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}
