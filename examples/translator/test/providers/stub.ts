import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { createLog, memoryProviderStates } from "@example/contracts";
import type { Cue } from "@example/contracts/subtitle";
import { onTestFinished } from "vitest";

export interface StubReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is where it is a string. */
  readonly body?: unknown;
}

export interface StubCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever a test wants to see in it
  readonly body: any;
}

/** A local service that answers as the test says. */
export async function startStub(answer: (call: StubCall, nth: number) => StubReply) {
  const calls: StubCall[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const call = { path: request.url ?? "", headers: request.headers, body };
    calls.push(call);
    const { status = 200, headers = {}, body: reply } = answer(call, calls.length);
    response.writeHead(status, headers).end(typeof reply === "string" ? reply : JSON.stringify(reply));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}`, calls };
}

export const shared = () => ({ states: memoryProviderStates(), log: createLog("test", "silent") });
export const PAIR = { source: "en", target: "es" };
export const signal = new AbortController().signal;

export const cuesOf = (...texts: readonly string[]): readonly Cue[] =>
  texts.map((text, at) => ({ index: at + 1, startMs: at * 1000, endMs: at * 1000 + 900, settings: "", text }));
