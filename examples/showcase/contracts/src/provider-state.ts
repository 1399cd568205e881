import { z } from "zod";

/** Availability of an external service, as the workers last saw it. Times are ISO 8601, in UTC. */
export const providerState = z.object({
  /** Name of the service, for example `opensubtitles`. */
  name: z.string(),
  /** Number of calls that are left until `resetsAt`, as the service last reported it. Null: not reported. */
  remaining: z.number().nullable(),
  /** Total number of calls per period. */
  allowed: z.number().nullable(),
  resetsAt: z.string().nullable(),
  /** Time before which no worker calls the service. */
  throttledUntil: z.string().nullable(),
  /** Human-readable reason for `throttledUntil`. */
  reason: z.string().nullable(),
  /** True if the operator has to change something, for example a key. */
  needsOperator: z.boolean(),
  /** Time of the last change. */
  updatedAt: z.string(),
});
export type ProviderState = z.output<typeof providerState>;
export type ProviderChange = Partial<Omit<ProviderState, "name" | "updatedAt">>;

/**
 * Information about external services, which workers share and the manager shows to clients. It is a hint and not a lock: each
 * service counts for itself, and a worker that cannot read this uses its own information.
 */
export interface ProviderStates extends AsyncDisposable {
  /** Returns all states, ordered by name. */
  list(): Promise<readonly ProviderState[]>;
  get(name: string): Promise<ProviderState | null>;
  /** Changes only the fields in `change`. */
  note(name: string, change: ProviderChange): Promise<void>;
}

/** Creates states for one process, for example for a test or the demo. */
export function memoryProviderStates(): ProviderStates {
  const states = new Map<string, ProviderState>();
  return {
    list: async () => [...states.values()].toSorted(byName),
    get: async (name) => states.get(name) ?? null,
    async note(name, change) {
      states.set(name, { ...(states.get(name) ?? unknown(name)), ...change, updatedAt: new Date().toISOString() });
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** State of a service for which no worker has written anything. */
export function unknown(name: string): ProviderState {
  const nothing = { remaining: null, allowed: null, resetsAt: null, throttledUntil: null, reason: null };
  return { name, ...nothing, needsOperator: false, updatedAt: new Date(0).toISOString() };
}

export function byName(one: ProviderState, other: ProviderState): number {
  return one.name < other.name ? -1 : 1;
}
