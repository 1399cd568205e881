import type { MeterProvider } from "@opentelemetry/api";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { instrument as instrumentStore } from "@subtitles/job-store/opentelemetry";
import { redisDriver } from "@subtitles/job-store/redis";
import { type Broker, createBroker } from "@subtitles/queue";
import { memoryDriver as messagesInMemory } from "@subtitles/queue/memory";
import { instrument as instrumentBroker } from "@subtitles/queue/opentelemetry";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import type { z } from "zod";
import type { Files } from "./files.js";
import { definition, queues, type Store } from "./job.js";
import type { Log } from "./log.js";
import type { connectionSettings } from "./settings.js";

/** Objects that every app of this service needs. The caller opens and closes them. */
export interface Resources {
  readonly store: Store;
  readonly broker: Broker;
  readonly files: Files;
  readonly log: Log;
}

type ConnectionSettings = z.output<z.ZodObject<typeof connectionSettings>>;

/** Opens the job store. Returns immediately: if Redis is unavailable, calls fail until it is available. */
export function openStore(
  { REDIS_URL, KEY_PREFIX }: ConnectionSettings,
  log: Log,
  meterProvider: MeterProvider,
): Store {
  const driver =
    REDIS_URL === undefined ? jobsInMemory() : redisDriver({ url: REDIS_URL, keyPrefix: `${KEY_PREFIX}:` });
  return createJobStore({
    job: definition,
    driver: instrumentStore(driver, { meterProvider }),
    onEvent: ({ type, message, details }) => {
      const level = ["connected", "recovered", "resumed"].includes(type) ? "info" : "warn";
      log[level]({ event: type, ...details }, `job store: ${message}`);
    },
  });
}

/** Opens the broker. Returns immediately, like `openStore`. */
export function openBroker(
  { RABBITMQ_URL, KEY_PREFIX }: ConnectionSettings,
  log: Log,
  meterProvider: MeterProvider,
): Broker {
  const driver =
    RABBITMQ_URL === undefined ? messagesInMemory() : rabbitmqDriver({ url: RABBITMQ_URL, prefix: `${KEY_PREFIX}.` });
  const broker = createBroker({
    driver,
    onError: (error, context) => log.warn({ err: error, ...context }, "queue"),
    onEvent: ({ type, message, details }) => log.info({ event: type, ...details }, `queue: ${message}`),
  });
  return instrumentBroker(broker, { meterProvider, queues });
}
