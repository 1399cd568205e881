import { JobFailed, RetryLater } from "@subtitles/queue/worker";
import type { Log } from "./log.js";
import type { ProviderNews, ProviderStates } from "./provider-state.js";

/** How this worker stands with a service: what the workers told each other, or what it knows itself while they cannot. */
export interface Standing {
  /** @throws RetryLater where it must not be asked before some later time; JobFailed where the operator has to mend something */
  mayAsk(): Promise<void>;
  /** As `mayAsk`, for a call that the quota counts. */
  mayUseQuota(): Promise<void>;
  note(news: ProviderNews): Promise<void>;
  /** Notes that it must not be asked for so long, in milliseconds, and answers what to throw. */
  throttle(forMs: number, reason: string): Promise<RetryLater>;
  /** As `throttle`, where waiting mends nothing: jobs fail at once, and others ask again only after so long. */
  refuse(forMs: number, reason: string): Promise<JobFailed>;
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

  const sentence = (reason: string) => `${provider.title} cannot be asked: ${reason}.`;
  const notBefore = (time: number, reason: string) => new RetryLater(sentence(reason), { at: new Date(time) });
  const refusal = (reason: string) =>
    new JobFailed(sentence(reason), { code: "PROVIDER_UNAVAILABLE", retryable: true });
  const inFuture = (time: string | null | undefined) => {
    const at = time ? Date.parse(time) : 0;
    return at > Date.now() ? at : null;
  };
  const leaveAlone = (forMs: number, reason: string, needsOperator: boolean) =>
    note({ throttledUntil: new Date(Date.now() + forMs).toISOString(), reason, needsOperator });

  return {
    note,
    async mayAsk() {
      const { throttledUntil, reason, needsOperator } = await read();
      const until = inFuture(throttledUntil);
      if (until === null) return;
      const why = reason ?? "it is throttled";
      throw needsOperator ? refusal(why) : notBefore(until, why);
    },
    async mayUseQuota() {
      const { remaining, resetsAt } = await read();
      const until = remaining === 0 ? inFuture(resetsAt) : null;
      if (until !== null) throw notBefore(until, "the quota is used up");
    },
    async throttle(forMs, reason) {
      await leaveAlone(forMs, reason, false);
      return notBefore(Date.now() + forMs, reason);
    },
    async refuse(forMs, reason) {
      await leaveAlone(forMs, reason, true);
      return refusal(reason);
    },
  };
}
