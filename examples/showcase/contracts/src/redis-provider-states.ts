import { Redis } from "ioredis";
import { byName, type ProviderState, type ProviderStates, providerState, unknown } from "./provider-state.js";

/** A call that takes longer fails: what is known of a service is never worth waiting for. */
const TIMEOUT_MS = 1000;

/**
 * Shared by all processes: one hash, a field for each part of a provider's state, so that two workers which write
 * different parts at once do not undo each other's.
 *
 * @param options.onError A connection failed, or a call: told once for each, never thrown outside of the call.
 */
export function redisProviderStates(options: {
  readonly url: string;
  readonly keyPrefix: string;
  readonly onError: (error: Error) => void;
}): ProviderStates {
  const key = `${options.keyPrefix}providers`;
  const redis = new Redis(options.url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // A connection that died without a word would otherwise be used until the system gives it up.
    socketTimeout: TIMEOUT_MS,
  });
  // The error may hold the address with its password: only what happened is passed on.
  redis.on("error", (error: Error) => options.onError(new Error(`provider states: ${codeOf(error)}`)));

  async function list(): Promise<readonly ProviderState[]> {
    const fields = await call(() => redis.hgetall(key));
    const states = new Map<string, Record<string, unknown>>();
    for (const [field, value] of Object.entries(fields)) {
      const [name = "", part = ""] = field.split("/");
      states.set(name, { ...(states.get(name) ?? unknown(name)), [part]: JSON.parse(value) });
    }
    return [...states.values()].map((state) => providerState.parse(state)).toSorted(byName);
  }

  return {
    list,
    get: async (name) => (await list()).find((state) => state.name === name) ?? null,
    async note(name, news) {
      const parts = Object.entries({ ...news, updatedAt: new Date().toISOString() });
      await call(() =>
        redis.hset(key, ...parts.flatMap(([part, value]) => [`${name}/${part}`, JSON.stringify(value)])),
      );
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}

async function call<T>(send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw new Error(`The state of the providers cannot be read or written: ${codeOf(error)}.`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "Redis is away";
}
