import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { badRequest, bodyWasRead, DashboardError } from "./reply.js";

/** Request of Node, of HTTP/1 or of the compatibility API of HTTP/2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** Response of Node, of HTTP/1 or of the compatibility API of HTTP/2. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Requests of Node, by the Web requests that were made of them. */
const messages = new WeakMap<Request, NodeRequest>();

/**
 * Returns the request of Node that `handle` got, for `may` and `by`: a framework can have stored the user in it. null: the request was passed to
 * `fetch`.
 */
export function nodeRequestOf(request: Request): NodeRequest | null {
  return messages.get(request) ?? null;
}

/**
 * Converts a request of Node whose method is GET, HEAD or POST. A framework may have parsed its body already.
 *
 * @throws DashboardError if Web requests cannot have its headers
 */
export function toRequest(message: NodeRequest, signal: AbortSignal): Request {
  try {
    const request = convert(message, signal);
    messages.set(request, message);
    return request;
  } catch (error) {
    if (error instanceof DashboardError) throw error;
    throw badRequest("The request has a header with characters that are not allowed.");
  }
}

function convert(message: NodeRequest & { readonly body?: unknown }, signal: AbortSignal): Request {
  const { method = "GET", body } = message;
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    // HTTP/2 has the host in :authority. Headers of Web requests cannot have such names.
    const known = name === ":authority" && !("host" in message.headers) ? "host" : name;
    if (value === undefined || known.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(known, one);
  }
  const host = headers.get("host") ?? "localhost";
  // Only the query is used. A path of several slashes would be another host.
  const query = /\?.*/.exec(message.url ?? "")?.[0] ?? "";
  const url = `http://${isHost(host) ? host : "localhost"}/${query}`;
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers, signal });
  if (message.readableEnded) {
    const content = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
    if (content === undefined) throw bodyWasRead();
    return new Request(url, { method, headers, signal, body: Buffer.from(content) });
  }
  const stream = Readable.toWeb(message) as ReadableStream<Uint8Array>;
  return new Request(url, { method, headers, signal, body: stream, duplex: "half" });
}

function isHost(host: string): boolean {
  return /^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}/`);
}

/** Sends a reply. Resolves when it is sent, or when the browser has closed the connection. */
export async function sendReply(reply: Response, response: NodeResponse): Promise<void> {
  // The event "close" is not emitted again.
  if (isClosed(response)) return reply.body?.cancel();
  const { status } = reply;
  const headers = Object.fromEntries(reply.headers);
  // A body that was not read to its end would keep the connection, or the stream of HTTP/2.
  if (isHttp2(response)) {
    const { stream } = response;
    // The response itself emits "finish" only when its stream closes.
    if (status === 408 || status === 413) stream.on("finish", () => stream.destroy());
    response.writeHead(status, headers);
  } else {
    // The rest of a body that is too large is read, because the client might miss the reply if its connection ended before.
    if (status === 408) response.shouldKeepAlive = false;
    response.writeHead(status, headers);
  }
  if (reply.body === null) {
    response.end();
    return;
  }
  const body = Readable.fromWeb(reply.body as NodeStream<Uint8Array>);
  await new Promise<void>((resolve) => {
    response.on("close", () => {
      body.destroy();
      resolve();
    });
    body.on("error", () => response.destroy());
    body.pipe(response);
  });
}

function isHttp2(response: NodeResponse): response is Http2ServerResponse {
  return "stream" in response;
}

function isClosed(response: NodeResponse): boolean {
  return isHttp2(response) ? response.stream.destroyed : response.destroyed;
}
