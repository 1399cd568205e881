import { expect, test } from "vitest";
import { startRedis } from "./servers/redis.js";

test("x", async () => {
  const t = Date.now();
  const r = await startRedis();
  console.log(r.url, Date.now() - t, r.pid);
  await r.restart();
  console.log(r.pid);
  await r.stop();
  expect(1).toBe(1);
});
