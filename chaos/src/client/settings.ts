import type { MutantName } from "../mutants.js";

export type Role = "writer" | "worker" | "watcher";

/** Settings of a client process. They are its only argument, as JSON. */
export interface Settings {
  readonly role: Role;
  /** `<name>.<generation>`. The generation increases each time a new process replaces one that was killed. */
  readonly name: string;
  readonly seed: number;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  /** Path of the journal that the process writes. */
  readonly journal: string;
  /** Start of the round, in ms since 1970. Writers derive ids from the time since then, so that they change the same jobs. */
  readonly startedAt: number;
  /** Event after which a watcher starts. */
  readonly cursor: string | null;
  readonly mutant: MutantName | null;
}

/** Timeout of all calls of the store except `waitFor`. */
export const STORE_TIMEOUT_MS = 1_000;
/** Timeout of `waitFor`. */
export const WAIT_TIMEOUT_MS = 1_500;
/** Timeout of all calls of the broker. */
export const BROKER_TIMEOUT_MS = 5_000;
/** Duration of a relay's claim. After that, another relay can publish the entries of a relay that was killed. */
export const CLAIM_MS = 6_000;
