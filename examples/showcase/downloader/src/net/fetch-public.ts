import { type LookupAddress, type LookupAllOptions, lookup as resolve } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { abortable } from "@showcase/contracts";
import { isPublicAddress } from "./public-address.js";

export interface FetchPublicOptions {
  readonly signal: AbortSignal;
  /** Maximum size in bytes. A larger file is rejected. */
  readonly maxBytes: number;
  /** Maximum number of redirects. @default 3 */
  readonly maxRedirects?: number | undefined;
  /** Time limit of the call in milliseconds, including redirects. @default 30_000 */
  readonly timeoutMs?: number | undefined;
  /** Origins that the operator configured. They can have addresses that are not public. @default none */
  readonly trustedOrigins?: readonly string[] | undefined;
  /** Resolver, for tests. @default the resolver of the system */
  readonly lookup?: LookupAll | undefined;
}

/** Returns all addresses of a host, like `dns.lookup`. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** The address was not fetched, or the reply was rejected. The message contains no address of the internal network. */
class FetchRefused extends Error {
  override readonly name = "FetchRefused";
}

export interface FetchedFile {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Fetches a file from an address that a client or a service has given. It connects only to public addresses. A host is resolved
 * once, all of its addresses are checked, and the connection uses a checked address. So a later change of the name has no effect.
 * Each redirect is also checked.
 *
 * @throws FetchRefused
 */
export async function fetchPublic(address: string, options: FetchPublicOptions): Promise<FetchedFile> {
  const { maxRedirects = 3, timeoutMs = 30_000 } = options;
  using limit = abortable(options.signal, timeoutMs);
  let url = parse(address);
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const reply = await send(url, { ...options, signal: limit.signal });
    const { statusCode = 0, headers } = reply;
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) {
      return { status: statusCode, body: await bodyOf(reply, options.maxBytes) };
    }
    reply.destroy();
    url = parse(headers.location, url);
  }
  throw new FetchRefused(`More than ${maxRedirects} redirects.`);
}

/** The URL parser reads all notations of an IPv4 address (decimal, octal, hexadecimal, short), and returns the usual one. */
function parse(address: string, base?: URL): URL {
  if (!URL.canParse(address, base?.href)) throw new FetchRefused("Not an address.");
  const url = new URL(address, base);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new FetchRefused("Neither http nor https.");
  if (url.username !== "" || url.password !== "") throw new FetchRefused("An address with a user name in it.");
  return url;
}

function send(url: URL, options: FetchPublicOptions): Promise<IncomingMessage> {
  const isTrusted = options.trustedOrigins?.includes(url.origin) ?? false;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // Checks a literal address here, because the connection does not resolve it.
  if (!isTrusted && isIP(host) !== 0 && !isPublicAddress(host)) throw new FetchRefused("Not a public address.");
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((settle, reject) => {
    request(url, {
      signal: options.signal,
      agent: false, // A kept connection can have an address that was not checked.
      headers: { accept: "*/*", "accept-encoding": "identity" },
      ...(!isTrusted && { lookup: publicOnly(options.lookup ?? resolve) }),
    })
      .once("response", settle)
      .once("error", reject)
      .end();
  });
}

/** Resolver for the connection. It returns the addresses only if all of them are public. */
function publicOnly(lookup: LookupAll): LookupFunction {
  return (hostname, { all = false, family }, done) => {
    lookup(hostname, { all: true, ...(family !== undefined && { family }) }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) return done(error ?? new FetchRefused("No such host."), "");
      if (!addresses.every(({ address }) => isPublicAddress(address))) {
        return done(new FetchRefused("Not a public address."), "");
      }
      return all ? done(null, addresses) : done(null, first.address, first.family);
    });
  };
}

async function bodyOf(reply: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of reply) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      reply.destroy();
      throw new FetchRefused(`More than ${maxBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
