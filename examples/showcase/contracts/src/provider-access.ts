import { JobFailed, RetryLater } from "@subtitles/queue/worker";
import type { Log } from "./log.js";
import type { ProviderChange, ProviderStates } from "./provider-state.js";

/**
 * Access of this worker to an external service. It uses the shared state, or its own information while the shared state is
 * unavailable.
 */
export interface ProviderAccess {
  /**
   * Checks that the service can be called now. @throws RetryLater if it can be called later; JobFailed if the operator has to fix
   * something
   */
  mayAsk(): Promise<void>;
  /** Like `mayAsk`, for a call that uses the quota. */
  mayUseQuota(): Promise<void>;
  note(change: ProviderChange): Promise<void>;
  /** Notes that no worker calls the service for this time in milliseconds. Returns the error to throw. */
  throttle(forMs: number, reason: string): Promise<RetryLater>;
  /** Like `throttle`, for a problem that waiting does not solve: jobs fail at once, and no worker calls the service for this time. */
  refuse(forMs: number, reason: string): Promise<JobFailed>;
}

/** @param provider `name` identifies it in the shared state, `title` is its human-readable name */
export function createProviderAccess(
  provider: { readonly name: string; readonly title: string },
  states: ProviderStates,
  log: Log,
): ProviderAccess {
  /** Own information, for the time in which the shared state is unavailable. */
  let own: ProviderChange = {};

  async function read(): Promise<ProviderChange> {
    try {
      return { ...own, ...(await states.get(provider.name)) };
    } catch (error) {
      log.warn({ err: error }, `using this worker's own information about ${provider.title}`);
      return own;
    }
  }

  async function note(change: ProviderChange): Promise<void> {
    own = { ...own, ...change };
    await states
      .note(provider.name, change)
      .catch((error) => log.warn({ err: error }, "the state of a provider is not shared with other workers"));
  }

  const sentence = (reason: string) => `${provider.title} cannot be called: ${reason}.`;
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
