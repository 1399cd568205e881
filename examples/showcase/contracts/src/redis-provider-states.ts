import { Redis } from "ioredis";
import { byName, type ProviderState, type ProviderStates, providerState, unknown } from "./provider-state.js";

/** Time limit of a call in milliseconds. The state of a service is only a hint, so no work waits long for it. */
const TIMEOUT_MS = 1000;

/**
 * Creates states that all processes share. One hash has a field for each part of a provider's state, so two workers that write
 * different parts at the same time do not overwrite each other.
 *
 * @param options.onError called once for each failure of a connection or a call
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
    // Ends a connection that has died silently. Otherwise, it would be used until the operating system closes it.
    socketTimeout: TIMEOUT_MS,
  });
  // Reports only the kind of the error, because its text can contain the address with the password.
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
    async note(name, change) {
      const parts = Object.entries({ ...change, updatedAt: new Date().toISOString() });
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
  return error instanceof Error && "code" in error ? String(error.code) : "Redis is unavailable";
}
