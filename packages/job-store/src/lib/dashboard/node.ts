import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";

/** Requests of Node, by the Web requests that were made of them. */
const messages = new WeakMap<Request, IncomingMessage>();

/**
 * Returns the request of Node that `handle` got, for `may` and `by`: a framework can have stored the user in it. null: the request was passed to
 * `fetch`.
 */
export function nodeRequestOf(request: Request): IncomingMessage | null {
  return messages.get(request) ?? null;
}

/** Converts a request of Node. A framework may have parsed its body already. */
export function toRequest(message: IncomingMessage, signal: AbortSignal): Request {
  const request = convert(message, signal);
  messages.set(request, message);
  return request;
}

function convert(message: IncomingMessage & { readonly body?: unknown }, signal: AbortSignal): Request {
  const { method = "GET", body } = message;
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    // Names such as :authority, of HTTP/2.
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  const host = headers.get("host") ?? "localhost";
  // Only the query is used. A path of several slashes would be another host.
  const query = /\?.*/.exec(message.url ?? "")?.[0] ?? "";
  const url = `http://${isHost(host) ? host : "localhost"}/${query}`;
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers, signal });
  if (body !== undefined && message.readableEnded) {
    return new Request(url, { method, headers, signal, body: typeof body === "string" ? body : JSON.stringify(body) });
  }
  const stream = Readable.toWeb(message) as ReadableStream<Uint8Array>;
  return new Request(url, { method, headers, signal, body: stream, duplex: "half" });
}

function isHost(host: string): boolean {
  return /^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}/`);
}

/** Sends a reply. Resolves when it is sent, or when the browser has closed the connection. */
export async function sendReply(reply: Response, response: ServerResponse): Promise<void> {
  // The event "close" is not emitted again.
  if (response.destroyed) return reply.body?.cancel();
  response.writeHead(reply.status, Object.fromEntries(reply.headers));
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
