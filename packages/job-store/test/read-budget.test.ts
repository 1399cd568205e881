import { expect, test } from "vitest";
import { shapeOf } from "../src/lib/create-store.js";
import type { Connection } from "../src/lib/redis/connection.js";
import type { RedisLog } from "../src/lib/redis/redis-log.js";
import type { RedisOutbox } from "../src/lib/redis/redis-outbox.js";
import { RedisStorage } from "../src/lib/redis/redis-storage.js";
import type { Server } from "../src/lib/redis/server.js";
import { errand } from "./errand.js";

test("a first read has one budget for all it has to ask", async () => {
  const given: unknown[] = [];
  const connection = { budget: () => ({ end: 0, doubtful: false }) } as Connection;
  const server = {
    connection,
    map: async (budget: unknown) => void given.push(budget),
    readJobs: async (ids: readonly string[], budget: unknown) => {
      given.push(budget);
      return ids.map(() => ({ kind: "absent" }));
    },
  } as unknown as Server;
  const parts = { outbox: {} as RedisOutbox, log: {} as RedisLog, eventLogLength: 1 };
  await new RedisStorage(server, shapeOf({ job: errand }), parts).read(["a"]);
  expect(given).toHaveLength(2);
  expect(given[1]).toBe(given[0]);
});
