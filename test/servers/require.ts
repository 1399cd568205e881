import { inject } from "vitest";
import { canStart, type ServerName } from "./binaries.js";
import type {} from "./provided.js";

/** What a suite needs to know about a server it runs against. */
export interface RequiredServer {
  /** Its address, or null if there is none. */
  readonly url: string | null;
  /** Private to this run: put before every key and queue name. The server may be someone's. */
  readonly prefix: string;
  /** Names a suite, together with the reason if it is skipped. */
  title(name: string): string;
}

/**
 * The server that all integration tests share. In CI a missing one is an error.
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
 * Whether tests can start a server of their own, to kill it or to hold its data: that takes its binary on this machine,
 * wherever the shared one comes from. In CI a missing one is an error.
 */
export function privateServer(name: ServerName): { readonly available: boolean; title(name: string): string } {
  const available = canStart(name);
  return { available, title: titleFor(name, available ? null : `no ${name}-server on this machine`) };
}

/** How a suite is called that needs `server`; `missing` says why there is none. In CI that is an error instead. */
export function titleFor(server: ServerName | "chromium", missing: string | null): (name: string) => string {
  if (missing === null) return (name) => name;
  if (process.env.CI === "true") throw new Error(`CI runs everything, but there is no ${server}: ${missing}`);
  return (name) => `${name} (not tried: ${missing.split("\n")[0]})`;
}
