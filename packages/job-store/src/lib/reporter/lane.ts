import type { input } from "zod/v4/core";
import type { JobDefinition } from "../definition.js";
import type { Fence, Report } from "./report.js";

export interface Progress<D extends JobDefinition> {
  readonly fence: Fence | null;
  readonly value: input<D["progress"]>;
}

/** What one job still has to be told, in order and one at a time. Jobs do not hold up each other. */
export class Lane<D extends JobDefinition> {
  readonly id: string;
  readonly reports: Report<D>[] = [];
  /** The latest, and only while no status change follows it: that would make it old news. */
  progress: Progress<D> | null = null;
  /** Its first report, or its progress, while that is with the store. */
  underWay: Report<D> | "progress" | null = null;

  constructor(id: string) {
    this.id = id;
  }

  get isEmpty(): boolean {
    return this.reports.length === 0 && this.progress === null && this.underWay === null;
  }

  /** Whether something in it has not been tried yet, with a caller waiting for the answer. */
  get isNew(): boolean {
    return this.reports.at(-1)?.state === "new";
  }

  get isReady(): boolean {
    if (this.underWay !== null) return false;
    const [first] = this.reports;
    return first === undefined ? this.progress !== null : first.state !== "accepting";
  }

  add(report: Report<D>): void {
    this.reports.push(report);
    this.progress = null;
  }

  remove(report: Report<D>): void {
    const place = this.reports.indexOf(report);
    if (place !== -1) this.reports.splice(place, 1);
  }
}
