import type { MutantName } from "../mutants.js";

export type Role = "writer" | "worker" | "watcher";

/** What a client process is told when it starts: the one argument, as JSON. */
export interface Settings {
  readonly role: Role;
  /** With its generation: a process that was killed is followed by another one. */
  readonly name: string;
  readonly seed: number;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  /** Where its journal goes. */
  readonly journal: string;
  /** When the run began (ms since 1970): writers meet on jobs that they name by the time since. */
  readonly startedAt: number;
  /** Where a watcher begins. */
  readonly cursor: string | null;
  readonly mutant: MutantName | null;
}

/** No call of a store may take longer. */
export const STORE_TIMEOUT_MS = 1_000;
/** But for waits, which give up after this long. */
export const WAIT_MS = 1_500;
/** Nor any of a broker. */
export const BROKER_TIMEOUT_MS = 5_000;
/** A relay that was killed leaves its entries to others after this long. */
export const CLAIM_MS = 6_000;
