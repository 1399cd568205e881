import { createHash } from "node:crypto";

/** How long a key is tied to its request. */
const KEPT_SECONDS = 86_400;

/** What an `Idempotency-Key` was first used for. */
export interface RequestMemory {
  /**
   * When this very request first came under the key; null if that is now. From then on the key stands for it.
   * @throws KeyReusedError where the key stands for another request
   */
  firstSeen(key: string, request: unknown): Promise<Date | null>;
}

/** Where keys are kept: one step, so that of two requests at a time one is the first. */
export interface KeyStore {
  /** Stores the value unless the key is there; @returns what was stored before, or null. @throws KeysUnavailableError */
  claim(key: string, value: string, seconds: number): Promise<string | null>;
}

/** The key was used for another request. */
export class KeyReusedError extends Error {}

/** The keys cannot be reached: nothing was done. */
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

/** In this process only, the newest 10,000. */
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
