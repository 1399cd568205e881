import { type LookupAddress, type LookupAllOptions, lookup as resolve } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { abortable } from "@showcase/contracts";
import { isPublicAddress } from "./public-address.js";

export interface FetchPublicOptions {
  readonly signal: AbortSignal;
  /** More is refused, in bytes. */
  readonly maxBytes: number;
  /** @default 3 */
  readonly maxRedirects?: number | undefined;
  /** The whole of it, redirects included. @default 30_000 */
  readonly timeoutMs?: number | undefined;
  /** Origins that the operator configured: these may be anywhere. @default none */
  readonly trustedOrigins?: readonly string[] | undefined;
  /** For tests. @default the system's resolver */
  readonly lookup?: LookupAll | undefined;
}

/** All addresses of a host, as `dns.lookup` tells them. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** An address that is not fetched, or a reply that is not taken. Names no address inside of our network. */
class FetchRefused extends Error {
  override readonly name = "FetchRefused";
}

export interface FetchedFile {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Fetches a file from an address that somebody else gave us. Only public addresses are connected to: a host is resolved
 * once, every address it has is checked, and the connection goes to what was checked, so that a name which changes its
 * mind in between gains nothing. Each redirect is checked anew.
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

/** The URL parser knows all the ways to write an IPv4 address (decimal, octal, hexadecimal, short), and writes it plainly. */
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
  // A literal address is connected to without being looked up.
  if (!isTrusted && isIP(host) !== 0 && !isPublicAddress(host)) throw new FetchRefused("Not a public address.");
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((settle, reject) => {
    request(url, {
      signal: options.signal,
      agent: false, // a kept connection may lead elsewhere
      headers: { accept: "*/*", "accept-encoding": "identity" },
      ...(!isTrusted && { lookup: publicOnly(options.lookup ?? resolve) }),
    })
      .once("response", settle)
      .once("error", reject)
      .end();
  });
}

/** What the connection asks instead of the resolver: it gets the addresses only if each of them is public. */
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
