import { Readable } from "node:stream";
import type { SubtitleStore } from "@showcase/contracts";
import { z } from "zod";
import { Problem, refusals } from "../api/problems.js";
import type { Server } from "../api/typed-server.js";
import { beginning, frames } from "./frames.js";
import { createJobViews } from "./job-views.js";

/** A connection that takes nothing for so long is dropped; a heartbeat is due four times meanwhile. */
const STUCK_MS = 60_000;

export interface LiveOptions {
  readonly store: SubtitleStore;
  /** Live connections at a time. @default 200 */
  readonly maxStreams?: number | undefined;
  /** A stream says something at least this often, in milliseconds, so that both ends notice a dead connection. @default 15_000 */
  readonly heartbeatMs?: number | undefined;
}

/** Live updates: one connection per page, whatever it shows. */
export function liveRoutes(server: Server, { store, maxStreams = 200, heartbeatMs = 15_000 }: LiveOptions): void {
  const views = createJobViews(store);
  const streams = new Set<AbortController>();

  // Otherwise closing the server would wait for clients that never leave.
  server.addHook("preClose", async () => {
    for (const stream of streams) stream.abort();
  });

  server.get(
    "/events",
    {
      exposeHeadRoute: false,
      schema: {
        tags: ["live"],
        summary: "Live updates of all jobs",
        description: [
          "Server-sent events. `job`: a job as it is now (JobSummary). `deleted`: `{ id }`. `resync`: `{ reason }`, read the",
          "jobs anew: the first event of a new connection, and where events were missed. With `Last-Event-ID` a connection",
          "goes on where the one before ended. A comment comes at least every 15 seconds.",
        ].join(" "),
        headers: z.object({ "last-event-id": z.string().max(4096).optional() }),
        response: {
          200: { description: "The events", content: { "text/event-stream": { schema: z.any() } } },
          ...refusals(503),
        },
      },
    },
    async (request, reply) => {
      if (streams.size >= maxStreams) {
        throw new Problem(
          503,
          "TOO_MANY_STREAMS",
          `There are ${maxStreams} live connections already. Please poll instead.`,
        );
      }
      const stream = new AbortController();
      streams.add(stream);
      request.raw.socket.setTimeout(STUCK_MS, () => request.raw.socket.destroy());
      reply.raw.once("close", () => {
        streams.delete(stream);
        stream.abort();
      });
      const begin = await beginning(store, request.headers["last-event-id"]);
      return (
        reply
          .type("text/event-stream")
          .header("cache-control", "no-store")
          // Kept alive after the stream, it would hold up a server that closes.
          .header("connection", "close")
          .header("x-accel-buffering", "no")
          .send(Readable.from(frames({ store, views, ...begin, heartbeatMs, signal: stream.signal })))
      );
    },
  );
}
