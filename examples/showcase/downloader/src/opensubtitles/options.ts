import type { Log, ProviderStates } from "@showcase/contracts";

export interface OpenSubtitlesOptions {
  readonly apiKey: string;
  /** Account of the service. Without an account, only a few downloads per day are possible. */
  readonly account?: { readonly username: string; readonly password: string } | undefined;
  /** Required by the service: `App vX.Y`. */
  readonly userAgent: string;
  readonly baseUrl: string;
  readonly states: ProviderStates;
  readonly log: Log;
  /** Number of repetitions of a request after a connection failure. @default 2 */
  readonly maxRetries?: number | undefined;
  /** Minimum time between two requests in milliseconds. The service allows five requests per second for each address. @default 220 */
  readonly betweenRequestsMs?: number | undefined;
  /** Limit for one request and its reply, in milliseconds. @default 20_000 */
  readonly timeoutMs?: number | undefined;
  /** Hosts in other domains to which the service can redirect requests. @default none */
  readonly trustedHosts?: readonly string[] | undefined;
}
