import type { Log, ProviderStates } from "@showcase/contracts";

export interface OpenSubtitlesOptions {
  readonly apiKey: string;
  /** Without an account there are only a few downloads a day. */
  readonly account?: { readonly username: string; readonly password: string } | undefined;
  /** Required by the service: `App vX.Y`. */
  readonly userAgent: string;
  readonly baseUrl: string;
  readonly states: ProviderStates;
  readonly log: Log;
  /** Times that a request which failed on the way is repeated. @default 2 */
  readonly maxRetries?: number | undefined;
  /** The service allows five requests a second for each address. Milliseconds. @default 220 */
  readonly betweenRequestsMs?: number | undefined;
  /** Limit for one request and its reply, in milliseconds. @default 20_000 */
  readonly timeoutMs?: number | undefined;
  /** Hosts besides those of `baseUrl`'s own domain that the service may send us to. @default none */
  readonly trustedHosts?: readonly string[] | undefined;
}
