import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readSettings } from "../../../contracts/settings.js";
import { workerEnv } from "../src/env.js";

const required = {
  REDIS_URL: "redis://redis:6379",
  RABBITMQ_URL: "amqp://rabbitmq:5672",
  SUBTITLE_STORAGE_PATH: "/subtitles",
  DOWNLOAD_BASE_URL: "http://localhost:3000",
};

test("a container has more time to stop than a worker needs to finish its job", async () => {
  const compose = await readFile(new URL("../../compose.yaml", import.meta.url), "utf8");
  const periods = Array.from(compose.matchAll(/^ *stop_grace_period: (\d+)s$/gm), ([, seconds]) => Number(seconds));
  // One period applies to all apps.
  expect(periods).toHaveLength(1);
  const variables = Object.fromEntries(
    Array.from(compose.matchAll(/^ *(SHUTDOWN_TIMEOUT): "?(\d+)"?$/gm), ([, name = "", value = ""]) => [name, value]),
  );
  const { SHUTDOWN_TIMEOUT } = readSettings(workerEnv, { ...required, ...variables });
  // Closing the connections takes up to four more seconds.
  expect(periods[0]).toBeGreaterThanOrEqual(SHUTDOWN_TIMEOUT + 5);
});
