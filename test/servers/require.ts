import { inject } from "vitest";
import { canStart, type ServerName } from "./binaries.js";
import type {} from "./provided.js";

/** Shared server of a suite. */
export interface RequiredServer {
  /** Address of the server; null if there is none. */
  readonly url: string | null;
  /** Prefix of every key and queue name of this run. Other programs may use the server, too. */
  readonly prefix: string;
  /** Returns the title of a suite, with the reason if the suite is skipped. */
  title(name: string): string;
}

/**
 * Returns the server that all integration tests share. With CI=true, a missing server is an error.
 *
 * @example
 * const redis = server("redis");
 * describe.skipIf(redis.url === null)(redis.title("redisDriver"), () => { … });
 */
export function server(name: ServerName): RequiredServer {
  const { url, reason } = inject(name);
  return { url, prefix: inject("testPrefix"), title: titleFor(name, reason) };
}

/**
 * Returns `available: true` if tests can start private instances of a server. They need its program on this machine, also if the
 * shared server is another one. With CI=true, a missing program is an error.
 */
export function privateServer(name: ServerName): { readonly available: boolean; title(name: string): string } {
  const available = canStart(name);
  return { available, title: titleFor(name, available ? null : `no ${name}-server on this machine`) };
}

/**
 * Returns the function that makes the titles of suites that need a server.
 *
 * @param missing reason why there is no server, or null
 * @throws an error with CI=true if the server is missing
 */
export function titleFor(server: ServerName | "chromium", missing: string | null): (name: string) => string {
  if (missing === null) return (name) => name;
  if (process.env.CI === "true")
    throw new Error(`With CI=true, no test may be skipped, but ${server} is missing: ${missing}`);
  return (name) => `${name} (skipped: ${missing.split("\n")[0]})`;
}
