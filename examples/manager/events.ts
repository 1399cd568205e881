import { once } from "node:events";
import { PassThrough, type Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { COMPLETED, FAILED, type Store } from "../contracts/job.js";
import { type IdParams, jobOr404, viewOf } from "./jobs.js";

/** Interval of comments in a stream without changes. With them, both sides notice a dead connection. */
const HEARTBEAT_MS = 15_000;

/**
 * Adds the route of live progress, as server-sent events. The event `job` has the job. It is sent at once and after each change.
 * The stream ends when the job has ended.
 */
export function eventRoute(api: FastifyInstance, store: Store): void {
  const streams = new Set<PassThrough>();
  // Otherwise, the server would wait for its clients when it closes.
  api.addHook("preClose", async () => {
    for (const stream of streams) stream.destroy();
  });

  api.get<IdParams>("/jobs/:id/events", async ({ params }, reply) => {
    const { id } = await jobOr404(store, params.id);
    const stream = new PassThrough();
    streams.add(stream);
    const ended = new AbortController();
    const heartbeat = setInterval(() => stream.write(": no change\n\n"), HEARTBEAT_MS);
    stream.once("close", () => {
      streams.delete(stream);
      clearInterval(heartbeat);
      ended.abort();
    });
    sendChanges(store, id, stream, ended.signal).then(
      () => stream.end(),
      (error: unknown) => stream.destroy(error instanceof Error ? error : undefined),
    );
    return reply.type("text/event-stream").header("cache-control", "no-store").send(stream);
  });
}

async function sendChanges(store: Store, id: string, stream: Writable, signal: AbortSignal): Promise<void> {
  for await (const _change of store.watch(id, { signal })) {
    const job = await store.get(id);
    if (job === null) return;
    const hasRoom = stream.write(`event: job\ndata: ${JSON.stringify(viewOf(job))}\n\n`);
    if (job.status === COMPLETED || job.status === FAILED) return;
    // A slow client gets fewer events, each with the current job. So this process does not collect events in memory.
    if (!hasRoom) await once(stream, "drain", { signal });
  }
}
