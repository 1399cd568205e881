import type { Client } from "../clients.js";
import type { Random } from "../random.js";
import type { Servers } from "../servers.js";

/** Servers and clients of a round, into which faults are injected. */
export interface Environment extends Servers {
  readonly clients: readonly Client[];
}

/** Kind of fault. */
export interface Fault {
  readonly kind: string;
  /** Weight of the random choice among the faults of the same group. */
  readonly weight: number;
  /** Range of the duration, in ms. */
  readonly holdMs: readonly [number, number];
  /** Injects the fault. Returns a function that heals it. */
  inject(environment: Environment, random: Random): Promise<() => Promise<void>>;
}

/** Result of `inject` for faults that end without being healed. */
export const nothingToHeal = async (): Promise<void> => {};
