/** Curve of one measured value over time. */
export interface Panel<S> {
  readonly title: string;
  readonly unit: string;
  readonly value: (sample: S) => number;
}

const WIDTH = 720;
const LABEL = 190;
const ROW = 70;
/** Number of points of a curve, at most. More would not be visible. */
const POINTS = 360;

/**
 * Draws a curve for each panel, as SVG for light and dark pages. The samples have equal distances in time.
 *
 * @param minutes duration of the run
 */
export function curves<S>(samples: readonly S[], panels: readonly Panel<S>[], title: string, minutes: number): string {
  const height = 30 + panels.length * ROW + 20;
  const style =
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:14px}polyline{fill:none;stroke:#1a7f64;stroke-width:1.5}" +
    "line{stroke:#8c959f;stroke-width:.5}@media(prefers-color-scheme:dark){text{fill:#adbac7}polyline{stroke:#3fb68b}}";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    `<style>${style}</style>`,
    `<text x="0" y="14" class="title">${title}</text>`,
    ...panels.flatMap((panel, index) => curve(samples, panel, 30 + index * ROW)),
    `<text x="${LABEL}" y="${height - 4}">0</text>`,
    `<text x="${WIDTH - 4}" y="${height - 4}" text-anchor="end">${Number(minutes.toFixed(1))} minutes</text>`,
    "</svg>\n",
  ].join("\n");
}

/** Draws a curve on an axis from 0 to the maximum. */
function curve<S>(samples: readonly S[], { title, unit, value }: Panel<S>, top: number): readonly string[] {
  const values = peaks(samples.map(value));
  // Math.max(...values) fails for the samples of several hours.
  const max = values.reduce((largest, one) => Math.max(largest, one), 1);
  const bottom = top + ROW - 14;
  const points = values.map((one, index) => {
    const x = LABEL + (index / Math.max(1, values.length - 1)) * (WIDTH - LABEL - 4);
    return `${x.toFixed(1)},${(bottom - (one / max) * (ROW - 24)).toFixed(1)}`;
  });
  const most = `${max.toLocaleString("en", { maximumFractionDigits: unit === "" ? 0 : 1 })} ${unit}`.trimEnd();
  return [
    `<text x="0" y="${bottom - 16}">${title}</text>`,
    `<text x="0" y="${bottom}">at most ${most}</text>`,
    `<line x1="${LABEL}" x2="${WIDTH - 4}" y1="${bottom}" y2="${bottom}"/>`,
    `<polyline points="${points.join(" ")}"/>`,
  ];
}

/** Combines neighbours to at most `POINTS` values. The largest of them stays, so that no peak is lost. */
function peaks(values: readonly number[]): readonly number[] {
  const size = Math.max(1, Math.ceil(values.length / POINTS));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, n) =>
    Math.max(...values.slice(n * size, (n + 1) * size)),
  );
}
