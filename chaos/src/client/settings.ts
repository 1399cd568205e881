import type { MutantName } from "../mutants.js";

export type Role = "writer" | "worker" | "watcher";

/** Settings of a client process. They are its only argument, as JSON. */
export interface Settings {
  readonly role: Role;
  /** `<name>.<generation>`. The generation increases each time a new process replaces one that was killed. */
  readonly name: string;
  /** Name without the generation. */
  readonly client: string;
  readonly seed: number;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  /** Path of the journal that the process writes. */
  readonly journal: string;
  /** Start of the round, in ms since 1970. Writers derive ids from the time since then, so that they change the same jobs. */
  readonly startedAt: number;
  /** Time in ms for which faults are injected. Writers spread their orders over it. */
  readonly forMs: number;
  /** Number of orders of each writer. */
  readonly orders: number;
  /** Number of the first order of this process. The earlier ones were ordered by killed processes. */
  readonly firstOrder: number;
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
/** Number of orders that a writer makes at the same time. During an outage, each takes some seconds. */
export const ORDER_LOOPS = 32;
/** Time between two heartbeats of a worker. With less, an outage of less than five seconds could end leases. */
export const HEARTBEAT_MS = 1_500;
/** Time after which the job of a dead worker is sent again. */
export const LEASE_MS = 5 * HEARTBEAT_MS;
/** Grace period of a worker that closes. */
export const GRACE_MS = 5_000;
