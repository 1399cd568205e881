import type { Standing } from "@showcase/contracts";
import type { OpenSubtitlesOptions } from "./options.js";
import { pace } from "./pace.js";
import { loginReply, quotaReply } from "./replies.js";
import { type ApiReply, type ApiRequest, type Requests, refused } from "./requests.js";

export interface Session {
  /** Sends a request as the account, where there is one, logging in as needed. Answers the body of a 200. @throws RetryLater, JobFailed */
  send(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
}

interface Token {
  readonly value: string;
  readonly host: string | undefined;
  readonly staleAt: number;
}

/** A token is good for 24 hours. */
const RENEWED_AFTER_MS = 23 * 60 * 60_000;
const BETWEEN_LOGINS_MS = 1100;
/** A password that is wrong stays wrong until someone mends it. */
const AFTER_WRONG_PASSWORD_MS = 15 * 60_000;
/** Where the service does not say when the quota is renewed. */
const QUOTA_MS = 6 * 60 * 60_000;

export function createSession(
  { baseUrl, account, trustedHosts = [] }: OpenSubtitlesOptions,
  requests: Requests,
  standing: Standing,
): Session {
  const turn = pace(BETWEEN_LOGINS_MS);
  let current: Promise<Token | null> | null = null;

  /** All who need a token at once share one login. */
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
      throw await standing.refuse(AFTER_WRONG_PASSWORD_MS, "it refuses the user name or the password");
    }
    const { token, base_url: host, user } = loginReply.parse(body);
    if (typeof user?.allowed_downloads === "number") await standing.note({ allowed: user.allowed_downloads });
    return {
      value: token,
      host: host && isTrusted(host) ? host : undefined,
      staleAt: performance.now() + RENEWED_AFTER_MS,
    };
  }

  /** The token and the key go only to the service's own hosts. */
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
    await standing.note({ remaining: 0, resetsAt });
    return standing.mayUseQuota().then(
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
        // 406 stands for two things: the quota is used up, or the token is no longer good.
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
