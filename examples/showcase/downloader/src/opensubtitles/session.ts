import type { ProviderAccess } from "@showcase/contracts";
import type { OpenSubtitlesOptions } from "./options.js";
import { pace } from "./pace.js";
import { loginReply, quotaReply } from "./replies.js";
import { type ApiReply, type ApiRequest, type Requests, refused } from "./requests.js";

export interface Session {
  /**
   * Sends a request with the account, if there is one, and logs in if necessary. Returns the body of a 200. @throws RetryLater,
   * JobFailed
   */
  send(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
}

interface Token {
  readonly value: string;
  readonly host: string | undefined;
  readonly staleAt: number;
}

/** Time for which a token is used. The service accepts it for 24 hours. */
const RENEWED_AFTER_MS = 23 * 60 * 60_000;
const BETWEEN_LOGINS_MS = 1100;
/** Time without logins after a wrong password, which the operator has to correct. */
const AFTER_WRONG_PASSWORD_MS = 15 * 60_000;
/** Time without downloads if the service does not report the time at which the quota is renewed. */
const QUOTA_MS = 6 * 60 * 60_000;

export function createSession(
  { baseUrl, account, trustedHosts = [] }: OpenSubtitlesOptions,
  requests: Requests,
  access: ProviderAccess,
): Session {
  const turn = pace(BETWEEN_LOGINS_MS);
  let current: Promise<Token | null> | null = null;

  /** Concurrent calls that need a token share one login. */
  async function token(signal: AbortSignal): Promise<Token | null> {
    current ??= login(signal).catch((error: unknown) => {
      current = null;
      throw error;
    });
    const known = await current;
    if (known === null || known.staleAt > performance.now()) return known;
    current = null;
    return token(signal);
  }

  async function login(signal: AbortSignal): Promise<Token | null> {
    if (!account) return null;
    await turn(signal);
    const { status, body } = await requests.send({ method: "POST", path: "/login", body: account }, signal);
    if (status !== 200) {
      throw await access.refuse(AFTER_WRONG_PASSWORD_MS, "it rejects the user name or the password");
    }
    const { token, base_url: host, user } = loginReply.parse(body);
    if (typeof user?.allowed_downloads === "number") await access.note({ allowed: user.allowed_downloads });
    return {
      value: token,
      host: host && isTrusted(host) ? host : undefined,
      staleAt: performance.now() + RENEWED_AFTER_MS,
    };
  }

  /** Sends the token and the key only to hosts of the service. */
  function isTrusted(host: string): boolean {
    if (!URL.canParse(`https://${host}`)) return false;
    const { hostname } = new URL(`https://${host}`);
    const domain = new URL(baseUrl).hostname.split(".").slice(-2).join(".");
    return hostname === domain || hostname.endsWith(`.${domain}`) || trustedHosts.includes(hostname);
  }

  async function quotaUsedUp({ body }: ApiReply): Promise<Error | null> {
    const quota = quotaReply.safeParse(body);
    if (!quota.success) return null;
    const resetsAt = quota.data.reset_time_utc ?? new Date(Date.now() + QUOTA_MS).toISOString();
    await access.note({ remaining: 0, resetsAt });
    return access.mayUseQuota().then(
      () => null,
      (error: Error) => error,
    );
  }

  return {
    async send(request, signal) {
      for (let renewed = false; ; renewed = true) {
        const held = await token(signal);
        const reply = await requests.send({ ...request, token: held?.value, host: held?.host }, signal);
        if (reply.status === 200) return reply.body;
        // A 406 has two meanings: the quota is used up, or the token is invalid.
        const usedUp = reply.status === 406 ? await quotaUsedUp(reply) : null;
        if (usedUp) throw usedUp;
        if (reply.status === 400 || renewed || held === null) {
          throw refused(reply.status);
        }
        current = null;
      }
    },
  };
}
