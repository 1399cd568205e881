import { randomUUID } from "node:crypto";
import { afterAll, describe, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { memoryDriver } from "../src/memory.js";
import { redisDriver } from "../src/redis.js";
import { expectSameLeases } from "./leases-compared.js";

const { url, prefix, title } = server("redis");

describe.skipIf(url === null)(title("Leases in Redis compared with those in memory"), () => {
  const address = url as string;
  const testPrefix = `${prefix}leases-compared:`;
  afterAll(() => removeKeys(address, testPrefix));

  test("any sequence of calls has the same answers", { timeout: 120_000 }, async () => {
    const other = () => redisDriver({ url: address, keyPrefix: `${testPrefix}${randomUUID()}:`, timeoutMs: 60_000 });
    const seed = Number(process.env.SEED ?? 20_261_129);
    await expectSameLeases({ one: () => memoryDriver(), other }, { seed, numRuns: Number(process.env.RUNS ?? 60) });
  });
});
