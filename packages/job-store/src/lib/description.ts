import type { JobDefinition } from "./definition.js";

/** What is kept of a definition beside its jobs, so that tools need not be given it. */
export interface Description {
  readonly initial: string;
  readonly statuses: {
    readonly [status: string]: {
      readonly next: readonly string[];
      readonly final: boolean;
      /** 0: for ever. */
      readonly ttlMs: number;
      readonly maxCount: number | null;
    };
  };
  /** What jobs can be found by. */
  readonly fields: readonly string[];
}

/** Of this text. A later one may say more; one that says it in another way has another number. */
const EDITION = 1;

/** @param ttlMs for each status, since a store may have its own */
export function describeDefinition(job: JobDefinition, ttlMs: ReadonlyMap<string, number>): string {
  const statuses = Object.entries(job.statuses).map(([status, { next, final = false, maxCount = null }]) => [
    status,
    { next, final, ttlMs: ttlMs.get(status) ?? 0, maxCount },
  ]);
  const description: Description = {
    initial: job.initial,
    statuses: Object.fromEntries(statuses),
    fields: Object.keys(job.index ?? {}),
  };
  return JSON.stringify({ edition: EDITION, ...description });
}

/** Reads a description. null: there is none, or a version of this package wrote it that this one cannot read. */
export function readDescription(text: string | undefined): Description | null {
  if (text === undefined) return null;
  const { edition, ...description } = JSON.parse(text) as Description & { readonly edition: number };
  return edition === EDITION ? description : null;
}
