import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { createLog, memoryProviderStates } from "@showcase/contracts";
import type { Cue } from "@showcase/contracts/subtitle";
import { onTestFinished } from "vitest";
import type { z } from "zod";

export interface StubReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Body of the reply. It is sent as JSON, or unchanged if it is a string. */
  readonly body?: unknown;
}

export interface StubCall<B> {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: B;
}

/** Starts a local service that replies to this kind of request as the test defines. Any other request gets a 400. */
export async function startStub<S extends z.ZodType>(
  schema: S,
  answer: (call: StubCall<z.output<S>>, nth: number) => StubReply | Promise<StubReply>,
) {
  const calls: StubCall<z.output<S>>[] = [];
  const server = createServer(async (request, response) => {
    const body = schema.safeParse(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    if (!body.success) {
      response.writeHead(400).end();
      return;
    }
    const call = { path: request.url ?? "", headers: request.headers, body: body.data };
    calls.push(call);
    const { status = 200, headers = {}, body: reply } = await answer(call, calls.length);
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
