import { z } from "zod";

/** Availability of an external service, as the workers last saw it. Times are ISO 8601, in UTC. */
export const providerState = z.object({
  /** Such as `opensubtitles`. */
  name: z.string(),
  /** Calls left until `resetsAt`, as the service last said. Null: it has not said. */
  remaining: z.number().nullable(),
  /** How many there are in all. */
  allowed: z.number().nullable(),
  resetsAt: z.string().nullable(),
  /** It is not asked before then. */
  throttledUntil: z.string().nullable(),
  /** Why not, for people. */
  reason: z.string().nullable(),
  /** Waiting does not mend it: whoever runs this has to change something, such as a key. */
  needsOperator: z.boolean(),
  /** When a worker last wrote any of this. */
  updatedAt: z.string(),
});
export type ProviderState = z.output<typeof providerState>;
export type ProviderNews = Partial<Omit<ProviderState, "name" | "updatedAt">>;

/**
 * What workers tell each other about outside services, and the manager tells people. A hint, not a lock: each service
 * still counts for itself, and a worker that cannot read this goes by what it knows.
 */
export interface ProviderStates extends AsyncDisposable {
  /** By name. */
  list(): Promise<readonly ProviderState[]>;
  get(name: string): Promise<ProviderState | null>;
  /** Changes what `news` names, and nothing else. */
  note(name: string, news: ProviderNews): Promise<void>;
}

/** For one process, such as a test or the demo. */
export function memoryProviderStates(): ProviderStates {
  const states = new Map<string, ProviderState>();
  return {
    list: async () => [...states.values()].toSorted(byName),
    get: async (name) => states.get(name) ?? null,
    async note(name, news) {
      states.set(name, { ...(states.get(name) ?? unknown(name)), ...news, updatedAt: new Date().toISOString() });
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** What is known of a service that no worker has written about. */
export function unknown(name: string): ProviderState {
  const nothing = { remaining: null, allowed: null, resetsAt: null, throttledUntil: null, reason: null };
  return { name, ...nothing, needsOperator: false, updatedAt: new Date(0).toISOString() };
}

export function byName(one: ProviderState, other: ProviderState): number {
  return one.name < other.name ? -1 : 1;
}
