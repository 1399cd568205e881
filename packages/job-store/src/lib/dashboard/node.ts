import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { finished, Readable } from "node:stream";
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
  return new Request(url, { method, headers, signal, body: bodyOf(message), duplex: "half" });
}

/** Returns the body of a request. After a cancellation, its rest is read and dropped, so that the connection can be used again. */
function bodyOf(message: Readable): ReadableStream<Uint8Array> {
  let isStarted = false;
  let isCancelled = false;
  const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    isStarted = true;
    message.on("data", (chunk: Uint8Array) => {
      if (isCancelled) return;
      message.pause();
      controller.enqueue(chunk);
    });
    finished(message, { writable: false }, (error) => {
      if (isCancelled) return;
      if (error) controller.error(error);
      else controller.close();
    });
  };
  return new ReadableStream(
    {
      pull: (controller) => {
        if (!isStarted) start(controller);
        message.resume();
      },
      cancel: () => {
        isCancelled = true;
        message.resume();
      },
    },
    // Node drops the body of a request that nothing has begun to read.
    { highWaterMark: 0 },
  );
}

function isHost(host: string): boolean {
  return /^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}/`);
}

/** Sends a reply. Resolves when it is sent, or when the browser has closed the connection. */
export async function sendReply(reply: Response, response: NodeResponse): Promise<void> {
  // The event "close" is not emitted again.
  if (isClosed(response)) return reply.body?.cancel();
  const headers = Object.fromEntries(reply.headers);
  if (isHttp2(response)) {
    const { stream, req } = response;
    // A body that does not end would keep the stream. The response itself emits "finish" only when its stream closes.
    stream.on("finish", () => {
      if (!req.complete) stream.destroy();
    });
    response.writeHead(reply.status, headers);
  } else {
    // A late body would keep the connection.
    if (reply.status === 408) response.shouldKeepAlive = false;
    response.writeHead(reply.status, headers);
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
