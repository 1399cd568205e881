import type { Sample } from "./soak.js";

const WIDTH = 720;
const LABEL = 150;
const ROW = 70;
const PANELS = [
  { name: "heapMb", title: "Heap", unit: "MB" },
  { name: "handles", title: "Handles", unit: "" },
  { name: "redisMb", title: "Redis", unit: "MB" },
  { name: "waiting", title: "Messages waiting", unit: "" },
] as const;

/** Draws a curve for each measured resource, as SVG for light and dark pages. */
export function plotOf(samples: readonly Sample[], title: string): string {
  const height = 30 + PANELS.length * ROW + 20;
  const minutes = samples.at(-1)?.minute ?? 1;
  const style =
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:14px}polyline{fill:none;stroke:#1a7f64;stroke-width:1.5}" +
    "line{stroke:#8c959f;stroke-width:.5}@media(prefers-color-scheme:dark){text{fill:#adbac7}polyline{stroke:#3fb68b}}";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    `<style>${style}</style>`,
    `<text x="0" y="14" class="title">${title}</text>`,
    ...PANELS.flatMap((panel, n) => curve(samples, panel, 30 + n * ROW, minutes)),
    `<text x="${LABEL}" y="${height - 4}">0</text>`,
    `<text x="${WIDTH - 4}" y="${height - 4}" text-anchor="end">${Number(minutes.toFixed(1))} minutes</text>`,
    "</svg>\n",
  ].join("\n");
}

/** Draws a curve on an axis from 0 to the maximum. */
function curve(
  samples: readonly Sample[],
  { name, title, unit }: (typeof PANELS)[number],
  top: number,
  minutes: number,
) {
  const max = Math.max(1, ...samples.map((sample) => sample[name]));
  const bottom = top + ROW - 14;
  const points = samples.map((sample) => {
    const x = LABEL + (sample.minute / minutes) * (WIDTH - LABEL - 4);
    const y = bottom - (sample[name] / max) * (ROW - 24);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return [
    `<text x="0" y="${bottom - 16}">${title}</text>`,
    `<text x="0" y="${bottom}">at most ${max.toFixed(unit === "" ? 0 : 1)} ${unit}</text>`,
    `<line x1="${LABEL}" x2="${WIDTH - 4}" y1="${bottom}" y2="${bottom}"/>`,
    `<polyline points="${points.join(" ")}"/>`,
  ];
}
