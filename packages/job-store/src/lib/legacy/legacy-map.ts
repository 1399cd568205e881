import type { input } from "zod/v4/core";
import type { JobDefinition, Json, StatusOf } from "../definition.js";
import type { JobFailure } from "../job.js";

/** How to understand the values of an older system. */
export interface LegacyMap<D extends JobDefinition> {
  /** What the jobs are from now on. */
  readonly job: D;
  /**
   * The job that a value means. An error thrown here sets the value aside, with its message as the reason: let it say
   * what is wrong, and not repeat the value.
   * @param value as JSON.parse reads it
   * @param id what follows `job:` in its key
   */
  readonly read: (value: Json, id: string) => LegacyJob<D>;
}

/** What an older system knew of a job. */
export interface LegacyJob<D extends JobDefinition> {
  /** Of the new definition. */
  readonly status: StatusOf<D>;
  /** What the job carries; a value that the schema refuses is a problem, and stays as it is. */
  readonly data: input<D["data"]>;
  /** How far it had come. @default null */
  readonly progress?: input<D["progress"]> | null | undefined;
  /** What it produced. @default null */
  readonly result?: input<D["result"]> | null | undefined;
  /** Why it failed. @default null */
  readonly error?: JobFailure | null | undefined;
  /** When it was created. */
  readonly createdAt: Date;
  /** Also when it entered its status, from which its TTL runs. @default createdAt */
  readonly updatedAt?: Date | undefined;
  /** Kept in the history. */
  readonly note?: string | undefined;
}
