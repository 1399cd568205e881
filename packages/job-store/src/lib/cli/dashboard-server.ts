import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Dashboard } from "../dashboard/dashboard.js";
import { isError } from "../errors.js";
import { UsageError } from "./usage.js";

/** Returns true if only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * Serves a dashboard at `/`. On a loopback address, only requests for it are answered: otherwise a foreign page could resolve its own name to
 * this machine and read the dashboard (DNS rebinding).
 *
 * @throws UsageError if the address cannot be used
 */
export async function serve(
  dashboard: Dashboard,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    if (isLoopback(host) && !isForLoopback(request)) {
      response.writeHead(403, { "content-type": "text/plain; charset=utf-8" });
      response.end("This dashboard answers only requests for localhost.");
      return;
    }
    void dashboard.handle(request, response);
  });
  server.on("connect", (_request, socket) => {
    socket.end("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST\r\nConnection: close\r\n\r\n");
  });
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function isForLoopback({ headers: { host = "" } }: IncomingMessage): boolean {
  const name = /^\[([^\]]*)\](:\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "");
  return isLoopback(name.toLowerCase());
}

/** @throws UsageError */
async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw new UsageError(
      `The dashboard cannot listen at ${host}:${port}: ${isError(error) ? error.message : "unknown reason"}. Check --host and --port.`,
    );
  }
}
