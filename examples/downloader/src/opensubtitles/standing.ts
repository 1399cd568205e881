import { Failure, type Log, NotNow, type ProviderNews, type ProviderStates } from "@example/contracts";

export const PROVIDER = "opensubtitles";

/** Up to this a worker waits by having its message delivered again, in milliseconds; beyond, the job fails and says when to retry. */
const LONGEST_WAIT_MS = 2 * 60_000;

/** How this worker stands with OpenSubtitles: what the workers told each other, or what it knows itself while they cannot. */
export interface Standing {
  /** @throws NotNow, Failure where it must not be asked before some later time */
  mayAsk(): Promise<void>;
  /** @throws Failure where no download is left */
  mayDownload(): Promise<void>;
  note(news: ProviderNews): Promise<void>;
  /** Notes that it must not be asked before then, and answers what to throw. */
  throttle(until: Date, reason: string): Promise<Error>;
}

export function createStanding(states: ProviderStates, log: Log): Standing {
  /** For while the shared state cannot be had. */
  let own: ProviderNews = {};

  async function read(): Promise<ProviderNews> {
    try {
      return { ...own, ...(await states.get(PROVIDER)) };
    } catch (error) {
      log.warn({ err: error }, "going by what this worker knows of OpenSubtitles");
      return own;
    }
  }

  async function note(news: ProviderNews): Promise<void> {
    own = { ...own, ...news };
    await states.note(PROVIDER, news).catch((error) => log.warn({ err: error }, "other workers are not told"));
  }

  return {
    note,
    async mayAsk() {
      const { throttledUntil, reason } = await read();
      if (throttledUntil && Date.parse(throttledUntil) > Date.now()) throw notBefore(new Date(throttledUntil), reason);
    },
    async mayDownload() {
      const { remaining, resetsAt } = await read();
      if (remaining === 0 && resetsAt && Date.parse(resetsAt) > Date.now()) {
        throw notBefore(new Date(resetsAt), "no download is left");
      }
    },
    async throttle(until, reason) {
      await note({ throttledUntil: until.toISOString(), reason });
      return notBefore(until, reason);
    },
  };
}

function notBefore(until: Date, reason: string | null | undefined): Error {
  const afterMs = until.getTime() - Date.now();
  const message = `OpenSubtitles cannot be asked before ${until.toISOString()}: ${reason ?? "it is throttled"}.`;
  return afterMs <= LONGEST_WAIT_MS
    ? new NotNow(message, Math.max(0, afterMs))
    : new Failure("PROVIDER_UNAVAILABLE", message, { retryable: true });
}
