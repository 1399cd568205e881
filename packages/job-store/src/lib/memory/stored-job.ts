import type { FullJob } from "../driver.js";

/** Stored job. Its values are JSON text, so that callers share no objects. */
export type StoredJob = FullJob & {
  readonly expiresAt: number | null;
  /** Keys of the last four changes. null: a change without a key. */
  readonly keys: readonly (string | null)[];
};
