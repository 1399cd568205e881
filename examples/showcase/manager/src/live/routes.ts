import { Readable } from "node:stream";
import type { SubtitleStore } from "@showcase/contracts";
import { z } from "zod";
import { Problem, refusals } from "../api/problems.js";
import type { Server } from "../api/typed-server.js";
import { beginning, frames } from "./frames.js";
import { createJobViews } from "./job-views.js";

/** Time after which a connection that receives nothing is closed. Four heartbeats are due in this time. */
const STUCK_MS = 60_000;

export interface LiveOptions {
  readonly store: SubtitleStore;
  /** Maximum number of live connections. @default 200 */
  readonly maxStreams?: number | undefined;
  /**
   * Maximum time between two messages of a stream, in milliseconds. With them, both sides notice a dead connection. @default
   * 15_000
   */
  readonly heartbeatMs?: number | undefined;
}

/**
 * Adds the route of live updates. It replaces that of the templates: a page needs one connection for all jobs, and it continues
 * after a break.
 */
export function liveRoutes(server: Server, { store, maxStreams = 200, heartbeatMs = 15_000 }: LiveOptions): void {
  const views = createJobViews(store);
  const streams = new Set<AbortController>();

  // Otherwise, the server would wait for its clients when it closes.
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
          "jobs again: the first event of a new connection, and after missed events. With `Last-Event-ID` a connection",
          "continues after that event. A comment is sent at least every 15 seconds.",
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
        throw new Problem(503, "TOO_MANY_STREAMS", `There are ${maxStreams} live connections already. Poll instead.`);
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
          // Otherwise, the connection would stay open after the stream, and the server would wait for it when it closes.
          .header("connection", "close")
          .header("x-accel-buffering", "no")
          .send(Readable.from(frames({ store, views, ...begin, heartbeatMs, signal: stream.signal })))
      );
    },
  );
}
