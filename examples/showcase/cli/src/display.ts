import { styleText } from "node:util";
import type { Job } from "./job.js";

const BAR_WIDTH = 24;

/** Receiver of text: standard output, or a test. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Display {
  show(job: Job): void;
  /** Moves the cursor to a new line after the display. */
  end(): void;
}

/** Shows the progress of a job: a bar on a terminal, and a line of JSON for each change on other outputs. */
export function createDisplay(out: Output, now: () => number = Date.now): Display {
  if (!out.isTTY) return { show: (job) => void out.write(`${JSON.stringify(job)}\n`), end() {} };
  const eta = createEta(now);
  let shown = false;
  return {
    show(job) {
      shown = true;
      out.write(`\r\u001B[K${line(job, eta(job)).slice(0, Math.max(20, out.columns ?? 80) + STYLE_LENGTH)}`);
    },
    end() {
      if (shown) out.write("\n");
    },
  };
}

/** The two colour codes of the bar have no width on the terminal. */
const STYLE_LENGTH = styleText("cyan", "").length;

function line(job: Job, eta: string): string {
  const full = Math.round((job.percent / 100) * BAR_WIDTH);
  const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
  const color = job.status === "failed" ? "red" : job.status === "completed" ? "green" : "cyan";
  const { status, progress, attempt, waiting } = job;
  const again = attempt > 1 ? `, attempt ${attempt}` : "";
  const stage = waiting
    ? `waits until ${waiting.until}: ${waiting.reason}`
    : status === "failed"
      ? `failed: ${job.error?.message ?? ""}`
      : `${progress?.stage ?? status}${again}`;
  const count =
    progress && progress.total > 1 && status !== "failed" && !waiting ? ` ${progress.done}/${progress.total}` : "";
  return `${styleText(color, bar)} ${String(job.percent).padStart(3)}%  ${stage}${count}${eta}`;
}

/** Estimates the remaining time of a stage from its speed since it was first seen. */
export function createEta(now: () => number): (job: Job) => string {
  let first: { readonly stage: string; readonly done: number; readonly at: number } | null = null;
  return ({ status, progress, waiting }) => {
    if (!progress || waiting) return "";
    const stage = `${status} ${progress.stage}`;
    if (first?.stage !== stage || progress.done < first.done) first = { stage, done: progress.done, at: now() };
    const done = progress.done - first.done;
    if (done <= 0 || progress.done >= progress.total) return "";
    const leftMs = ((now() - first.at) / done) * (progress.total - progress.done);
    return ` · ${leftMs < 90_000 ? `${Math.ceil(leftMs / 1000)} s` : `${Math.round(leftMs / 60_000)} min`} left`;
  };
}
