import { downloadQueue, type SubtitleStore, translateQueue } from "@showcase/contracts";
import type { Broker } from "@subtitles/queue";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { outboxCounts } from "../api/outbox-counts.js";
import { countsOrNull } from "../api/queue-counts.js";
import type { Server } from "../api/typed-server.js";
import type { OrphanRemoval } from "../jobs/orphans.js";

export interface MetricsOptions {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly orphans: OrphanRemoval;
}

/**
 * Adds `/metrics`, in the text format of Prometheus. Values that cannot be read now are left out, and not shown as zero. It
 * replaces the metrics of the templates, which only have the measurements of the packages.
 */
export function metricsRoute(server: Server, { store, broker, orphans }: MetricsOptions): void {
  const registers = [new Registry()];
  const [registry] = registers;
  if (!registry) return;
  collectDefaultMetrics({ register: registry });

  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Requests answered, by route",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers,
  });
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });

  new Gauge({
    name: "subtitle_jobs",
    help: "Jobs by status",
    labelNames: ["status"] as const,
    registers,
    async collect() {
      this.reset();
      const counts = await store.counts().catch(() => ({}));
      for (const [status, count] of Object.entries(counts)) this.set({ status }, count);
    },
  });
  new Gauge({
    name: "subtitle_outbox_messages",
    help: "Messages stored with their jobs and not yet published, by state: waiting, scheduled (not due yet) or rejected",
    labelNames: ["state"] as const,
    registers,
    async collect() {
      this.reset();
      const counts = await outboxCounts(store).catch(() => ({}));
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
  new Gauge({
    name: "subtitle_queue_messages",
    help: "Messages by queue and state",
    labelNames: ["queue", "state"] as const,
    registers,
    async collect() {
      this.reset();
      for (const queue of [downloadQueue, translateQueue]) {
        for (const [state, count] of Object.entries((await countsOrNull(broker, queue)) ?? {})) {
          if (typeof count === "number" && state !== "consumers") this.set({ queue: queue.name, state }, count);
        }
      }
    },
  });
  new Counter({
    name: "subtitle_orphans_removed_total",
    help: "Jobs without a record whose files were removed",
    registers,
    collect() {
      this.reset();
      this.inc(orphans.removed);
    },
  });

  server.get("/metrics", { schema: { hide: true } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
