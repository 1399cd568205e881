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

/**
 * Opens the job store. It replaces that of the templates, because the times to live are settings. Returns immediately: if Redis is
 * unavailable, calls fail as UNAVAILABLE until it is available.
 */
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

/**
 * Opens the shared knowledge of the workers about external services, in the same Redis. Returns immediately. Calls fail while
 * Redis is unavailable.
 */
export function openProviderStates(env: ConnectionEnv, log: Log): ProviderStates {
  return redisProviderStates({
    url: env.REDIS_URL,
    keyPrefix: env.REDIS_KEY_PREFIX,
    onError: (error) => log.warn({ err: error }, "the state of providers is not shared with other workers"),
  });
}

/**
 * Opens the broker. It replaces that of the templates, because a cluster has several addresses. Returns immediately: if RabbitMQ is
 * unavailable, the broker connects later.
 */
export function openBroker(env: ConnectionEnv, log: Log): Broker {
  return createBroker({
    driver: rabbitmqDriver({ url: env.RABBITMQ_URL, prefix: env.RABBITMQ_PREFIX }),
    onError: (error, context) => log.warn({ err: error, ...context }, "queue"),
    onEvent: ({ type, message, details }) => log.info({ event: type, ...details }, `queue: ${message}`),
  });
}
