import { Failure, NotNow } from "./failures.js";
import type { Log } from "./log.js";
import type { ProviderNews, ProviderStates } from "./provider-state.js";

/** Up to this a worker waits by having its message delivered again, in milliseconds; beyond, the job fails and says when to retry. */
const LONGEST_WAIT_MS = 2 * 60_000;

/** How this worker stands with a service: what the workers told each other, or what it knows itself while they cannot. */
export interface Standing {
  /** @throws NotNow, Failure where it must not be asked before some later time */
  mayAsk(): Promise<void>;
  /** As `mayAsk`, for a call that the quota counts. */
  mayUseQuota(): Promise<void>;
  note(news: ProviderNews): Promise<void>;
  /** Notes that it must not be asked for so long, in milliseconds, and answers what to throw. */
  throttle(forMs: number, reason: string): Promise<Error>;
}

/** @param provider `name` is its name among the workers, `title` how people call it */
export function createStanding(
  provider: { readonly name: string; readonly title: string },
  states: ProviderStates,
  log: Log,
): Standing {
  /** For while the shared state cannot be had. */
  let own: ProviderNews = {};

  async function read(): Promise<ProviderNews> {
    try {
      return { ...own, ...(await states.get(provider.name)) };
    } catch (error) {
      log.warn({ err: error }, `going by what this worker knows of ${provider.title}`);
      return own;
    }
  }

  async function note(news: ProviderNews): Promise<void> {
    own = { ...own, ...news };
    await states.note(provider.name, news).catch((error) => log.warn({ err: error }, "other workers are not told"));
  }

  function throwUntil(time: string | null | undefined, reason: string): void {
    if (time && Date.parse(time) > Date.now()) throw notBefore(new Date(time), reason);
  }

  function notBefore(until: Date, reason: string): Error {
    const afterMs = Math.max(0, until.getTime() - Date.now());
    const message = `${provider.title} cannot be asked before ${until.toISOString()}: ${reason}.`;
    return afterMs <= LONGEST_WAIT_MS
      ? new NotNow(message, afterMs)
      : new Failure("PROVIDER_UNAVAILABLE", message, { retryable: true });
  }

  return {
    note,
    async mayAsk() {
      const { throttledUntil, reason } = await read();
      throwUntil(throttledUntil, reason ?? "it is throttled");
    },
    async mayUseQuota() {
      const { remaining, resetsAt } = await read();
      if (remaining === 0) throwUntil(resetsAt, "the quota is used up");
    },
    async throttle(forMs, reason) {
      const until = new Date(Date.now() + forMs);
      await note({ throttledUntil: until.toISOString(), reason });
      return notBefore(until, reason);
    },
  };
}
