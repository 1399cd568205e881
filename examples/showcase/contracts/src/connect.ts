import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { subtitleTtlFromEnv } from "@subtitles/job-store/subtitle";
import { type Broker, createBroker } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import type { z } from "zod";
import type { connectionEnv } from "./env.js";
import { type SubtitleStore, subtitleJob } from "./job.js";
import { type Log, logStoreEvents } from "./log.js";
import type { ProviderStates } from "./provider-state.js";
import { redisProviderStates } from "./redis-provider-states.js";

type ConnectionEnv = z.output<z.ZodObject<typeof connectionEnv>>;

/** Returns at once, also where Redis is not there yet: calls fail as UNAVAILABLE until it is. */
export function openStore(env: ConnectionEnv, log: Log): SubtitleStore {
  return createJobStore({
    job: subtitleJob,
    driver: redisDriver({ url: env.REDIS_URL, keyPrefix: env.REDIS_KEY_PREFIX }),
    ttlSeconds: subtitleTtlFromEnv({
      REDIS_JOB_TTL_COMPLETED: env.REDIS_JOB_TTL_COMPLETED,
      REDIS_JOB_TTL_FAILED: env.REDIS_JOB_TTL_FAILED,
      REDIS_JOB_TTL_ACTIVE: env.REDIS_JOB_TTL_ACTIVE,
    }),
    onEvent: logStoreEvents(log),
  });
}

/** What workers know of outside services, in the same Redis. Returns at once; calls fail while Redis is away. */
export function openProviderStates(env: ConnectionEnv, log: Log): ProviderStates {
  return redisProviderStates({
    url: env.REDIS_URL,
    keyPrefix: env.REDIS_KEY_PREFIX,
    onError: (error) => log.warn({ err: error }, "what workers know of providers is not shared"),
  });
}

/** Returns at once, also where RabbitMQ is not there yet: it goes on trying. */
export function openBroker(env: ConnectionEnv, log: Log): Broker {
  return createBroker({
    driver: rabbitmqDriver({ url: env.RABBITMQ_URL, prefix: env.RABBITMQ_PREFIX }),
    onError: (error, context) => log.warn({ err: error, ...context }, "queue"),
    onEvent: ({ type, message, details }) => log.info({ event: type, ...details }, `queue: ${message}`),
  });
}
