import { styleText } from "node:util";
import type { JobView } from "./client.js";

const BAR_WIDTH = 24;

export interface Row {
  readonly label: string;
  readonly job: JobView;
}

/** Shows the status of the jobs: bars on a terminal, and a line for each change on other outputs. */
export interface Board {
  show(rows: readonly Row[]): void;
  /** Prints a message between the jobs. */
  say(text: string): void;
}

/** Standard output, with the parts that a board needs. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function createBoard(out: Output): Board {
  return out.isTTY ? barsOn(out) : linesOn(out);
}

function barsOn(out: Output): Board {
  let drawn: readonly string[] = [];
  const draw = (above: readonly string[], bars: readonly string[]) => {
    const up = drawn.length > 0 ? `\u001B[${drawn.length}A` : "";
    out.write(`${up}\u001B[J${[...above, ...bars].map((line) => `${line}\n`).join("")}`);
    drawn = bars;
  };
  return {
    show(rows) {
      const width = Math.max(...rows.map(({ label }) => label.length));
      // Cuts lines that are too long. A line that wraps cannot be drawn again.
      const room = Math.max(20, (out.columns ?? 80) - width - BAR_WIDTH - 6);
      draw(
        [],
        rows.map(({ label, job }) => `  ${label.padEnd(width)}  ${bar(job)}  ${news(job).slice(0, room)}`),
      );
    },
    say: (text) => draw([text], drawn),
  };
}

function linesOn(out: Output): Board {
  const said = new Map<string, string>();
  return {
    show(rows) {
      for (const { label, job } of rows) {
        const quarter = Math.floor(share(job) * 4);
        const key = `${job.status} ${quarter}`;
        if (said.get(job.id) === key) continue;
        said.set(job.id, key);
        out.write(`  ${label}: ${news(job)}\n`);
      }
    },
    say: (text) => void out.write(`${text}\n`),
  };
}

/** Returns the progress of the current stage, 0 to 1. */
function share({ status, progress }: JobView): number {
  if (status === "completed") return 1;
  return progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
}

function bar(job: JobView): string {
  const full = Math.round(share(job) * BAR_WIDTH);
  const text = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
  return styleText(job.status === "failed" ? "red" : job.status === "completed" ? "green" : "cyan", text);
}

function news({ status, progress, error }: JobView): string {
  if (status === "failed") return `failed: ${error?.message}`;
  if (status === "completed" || !progress) return status;
  return `${status} ${progress.done}/${progress.total}`;
}
