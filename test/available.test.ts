import { afterEach, expect, test, vi } from "vitest";
import { provideServers } from "./servers/available.js";
import { titleFor } from "./servers/require.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("addresses in the environment come first, and those servers are never ours to stop", async () => {
  vi.stubEnv("REDIS_URL", "redis://someone.example");
  vi.stubEnv("RABBITMQ_URL", "amqp://someone.example");
  const { redis, rabbitmq } = await provideServers();
  expect(redis).toMatchObject({ url: "redis://someone.example", from: "REDIS_URL" });
  expect(rabbitmq).toMatchObject({ url: "amqp://someone.example", from: "RABBITMQ_URL" });
});

test("a suite without its server names the reason", () => {
  vi.stubEnv("CI", "");
  expect(titleFor("redis", null)("suite")).toBe("suite");
  expect(titleFor("redis", "no Docker\nand a long trace")("suite")).toBe("suite (not tried: no Docker)");
});

test("in CI it is an error", () => {
  vi.stubEnv("CI", "true");
  expect(titleFor("redis", null)("suite")).toBe("suite");
  expect(() => titleFor("redis", "no Docker")).toThrow("CI runs everything, but there is no redis: no Docker");
});
