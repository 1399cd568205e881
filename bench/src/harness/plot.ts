import type { Plot } from "./suite.js";

const WIDTH = 720;
const LABEL = 190;
const ROW = 20;
const GAP = 14;

/** Draws a bar chart as SVG for light and dark pages. */
export function svg({ title, unit, groups }: Plot): string {
  const largest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const parts: string[] = [];
  let y = 34;
  for (const group of groups) {
    parts.push(`<text x="0" y="${y}" class="group">${escaped(group.title)}</text>`);
    y += 8;
    for (const { title: name, value, ours } of group.bars) {
      const width = Math.max(1, (value / largest) * (WIDTH - LABEL - 80));
      parts.push(
        `<text x="${LABEL - 8}" y="${y + 14}" class="name">${escaped(name)}</text>`,
        `<rect x="${LABEL}" y="${y + 3}" width="${width.toFixed(1)}" height="14" class="${ours ? "ours" : "theirs"}"/>`,
        `<text x="${(LABEL + width + 6).toFixed(1)}" y="${y + 14}">${Math.round(value).toLocaleString("en")}</text>`,
      );
      y += ROW;
    }
    y += GAP + 10;
  }
  const style =
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:14px}.group{font-weight:600}" +
    ".name{text-anchor:end}.ours{fill:#1a7f64}.theirs{fill:#8c959f}" +
    "@media(prefers-color-scheme:dark){text{fill:#adbac7}.ours{fill:#3fb68b}.theirs{fill:#768390}}";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${escaped(title)}">`,
    `<style>${style}</style>`,
    `<text x="0" y="14" class="title">${escaped(title)} (${escaped(unit)})</text>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
