import { expect, onTestFinished } from "vitest";
import { createJobStore, JobStoreError, type StoreEvent } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

/** A store of reports that is closed when the test ends, and what it tells of its connection. */
export function openStore(options: RedisDriverOptions) {
  const events: StoreEvent[] = [];
  const store = createJobStore({ job: report, driver: redisDriver(options), onEvent: (event) => events.push(event) });
  onTestFinished(() => store.close());
  return { store, events };
}

/** The error that a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<JobStoreError> {
  const error = await promise.then(
    (value) => expect.fail(`expected a rejection, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!JobStoreError.is(error)) throw error;
  return error;
}
