import { createHash } from "node:crypto";

/** Time for which a key belongs to its request. */
const KEPT_SECONDS = 86_400;

/** First request of each `Idempotency-Key`. */
export interface RequestMemory {
  /**
   * Returns the time of the first request with this key and the same content. Null: this is the first one, and the key now
   * belongs to it.
   * @throws KeyReusedError if the key belongs to another request
   */
  firstSeen(key: string, request: unknown): Promise<Date | null>;
}

/** Storage of the keys. Its step is atomic, so that one of two concurrent requests is the first. */
export interface KeyStore {
  /** Stores the value if the key does not exist. @returns the value that was stored before, or null. @throws KeysUnavailableError */
  claim(key: string, value: string, seconds: number): Promise<string | null>;
}

/** The key was used for another request. */
export class KeyReusedError extends Error {}

/** The keys are unavailable, and nothing was changed. */
export class KeysUnavailableError extends Error {}

export function createRequestMemory(keys: KeyStore): RequestMemory {
  return {
    async firstSeen(key, request) {
      const fingerprint = sha256(JSON.stringify(request));
      const before = await keys.claim(sha256(key), `${fingerprint} ${Date.now()}`, KEPT_SECONDS);
      if (before === null) return null;
      const [asked, at] = before.split(" ");
      if (asked !== fingerprint) throw new KeyReusedError();
      return new Date(Number(at));
    },
  };
}

/** Stores the newest 10,000 keys in the memory of this process. */
export function keysInMemory(most = 10_000): KeyStore {
  const keys = new Map<string, { readonly value: string; readonly until: number }>();
  return {
    async claim(key, value, seconds) {
      const known = keys.get(key);
      if (known && known.until > Date.now()) return known.value;
      keys.delete(key);
      keys.set(key, { value, until: Date.now() + seconds * 1000 });
      for (const oldest of keys.keys()) {
        if (keys.size <= most) break;
        keys.delete(oldest);
      }
      return null;
    },
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
