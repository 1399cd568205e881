import { downloadQueue, type SubtitleStore, translateQueue } from "@showcase/contracts";
import type { Broker } from "@subtitles/queue";
import { z } from "zod";
import { jobIdOf, redriveJobs } from "../jobs/redrive.js";
import { outboxCounts } from "./outbox-counts.js";
import { queueAway, refusals } from "./problems.js";
import { countsOrNull } from "./queue-counts.js";
import type { Server } from "./typed-server.js";

const tags = ["queues"];
const stages = { download: downloadQueue, translate: translateQueue } as const;
const stage = z.enum(["download", "translate"]);
const time = z.iso.datetime();

const queueList = z.object({
  items: z.array(
    z.object({
      stage,
      name: z.string().describe("Name in RabbitMQ, without the prefix"),
      counts: z
        .object({
          ready: z.int().describe("Waiting for a worker"),
          unacked: z.int().nullable().describe("Unacknowledged messages; null: unknown to the broker"),
          delayed: z.int().describe("Waiting for a retry"),
          dead: z.int().describe("Dead letters"),
          consumers: z.int().describe("Number of connected workers"),
        })
        .nullable()
        .describe("null: RabbitMQ is unavailable"),
    }),
  ),
  outbox: z
    .object({
      waiting: z.int().describe("To publish now"),
      scheduled: z.int().describe("Delayed, not due yet"),
      rejected: z.int().describe("Cannot be published"),
      oldestAt: time.nullable().describe("Time of the oldest waiting message"),
    })
    .describe("Messages that are stored with their jobs and not yet published"),
});

const deadLetter = z.object({
  id: z.string(),
  jobId: z.string().nullable().describe("null: the message cannot be read"),
  reason: z.string(),
  attempts: z.int(),
  at: time,
  publishedAt: time,
  errors: z.array(z.string()).describe("Errors of the attempts, oldest first"),
});

export function queueRoutes(server: Server, { store, broker }: { store: SubtitleStore; broker: Broker }): void {
  server.get(
    "/queues",
    { schema: { tags, summary: "Queues and the outbox", response: { 200: queueList, ...refusals(503) } } },
    async () => {
      const [items, counts, oldest] = await Promise.all([
        Promise.all(
          stage.options.map(async (name) => ({
            stage: name,
            name: stages[name].name,
            counts: await countsOrNull(broker, stages[name]),
          })),
        ),
        outboxCounts(store),
        store.outbox.oldest(),
      ]);
      return { items, outbox: { ...counts, oldestAt: oldest?.toISOString() ?? null } };
    },
  );

  server.get(
    "/queues/:stage/dead-letters",
    {
      schema: {
        tags,
        summary: "Dead letters",
        params: z.object({ stage }),
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) }),
        response: { 200: z.object({ items: z.array(deadLetter) }), ...refusals(404, 503) },
      },
    },
    async ({ params, query }) => {
      await refuseWhileAway(broker);
      const letters = await broker.deadLetters(stages[params.stage], query);
      return {
        items: letters.map((letter) => ({
          id: letter.id,
          jobId: jobIdOf(letter),
          reason: letter.reason,
          attempts: letter.attempts,
          at: letter.at.toISOString(),
          publishedAt: letter.publishedAt.toISOString(),
          errors: [...letter.errors],
        })),
      };
    },
  );

  server.post(
    "/queues/:stage/redrive",
    {
      schema: {
        tags,
        summary: "Send dead letters back",
        description: "Jobs that failed with them are tried again. Repeat the call until `left` is 0.",
        params: z.object({ stage }),
        body: z
          .strictObject({
            ids: z
              .array(z.string().min(1).max(255))
              .min(1)
              .max(500)
              .optional()
              .describe("Ids of the messages; default: the oldest 500"),
          })
          .nullish(),
        response: { 200: z.object({ redriven: z.int(), left: z.int() }), ...refusals(404, 503) },
      },
    },
    async ({ params, body }) => {
      await refuseWhileAway(broker);
      return redriveJobs(stages[params.stage], { store, broker, ids: body?.ids });
    },
  );
}

/** Without this check, the call would wait for RabbitMQ for the time limit of a publish. */
async function refuseWhileAway(broker: Broker): Promise<void> {
  const { status } = await broker.health({ timeoutMs: 1000 });
  if (status === "unhealthy") throw queueAway();
}
