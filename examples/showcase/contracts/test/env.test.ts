import { expect, test } from "vitest";
import { readSettings } from "../../../contracts/settings.js";
import { connectionEnv, workerEnv } from "../src/env.js";

const good = { REDIS_URL: "redis://localhost:6379", RABBITMQ_URL: "amqp://localhost:5672" };

test("a complete environment is read, with defaults for the rest", () => {
  expect(readSettings(connectionEnv, good)).toEqual({
    REDIS_URL: "redis://localhost:6379",
    REDIS_KEY_PREFIX: "",
    RABBITMQ_URL: ["amqp://localhost:5672"],
    RABBITMQ_PREFIX: "",
    LOG_LEVEL: "info",
  });
});

test("several addresses of one RabbitMQ cluster are separated by commas", () => {
  const { RABBITMQ_URL } = readSettings(connectionEnv, { ...good, RABBITMQ_URL: "amqp://one,amqps://two:5671" });
  expect(RABBITMQ_URL).toEqual(["amqp://one", "amqps://two:5671"]);
});

test("the error names a missing variable and describes a valid one", () => {
  expect(() => readSettings(connectionEnv, { RABBITMQ_URL: good.RABBITMQ_URL })).toThrow(
    "REDIS_URL is missing. It must be the address of the Redis that stores the jobs, such as redis://localhost:6379.",
  );
});

test("an empty variable counts as missing", () => {
  expect(() => readSettings(connectionEnv, { ...good, REDIS_URL: "" })).toThrow("REDIS_URL is missing");
});

test.each([
  ["REDIS_URL", "http://user:hunter2@example.org"],
  ["RABBITMQ_URL", "amqp://localhost,user:hunter2@example.org"],
  ["LOG_LEVEL", "hunter2"],
  ["REDIS_JOB_TTL_FAILED", "hunter2 days"],
])("the error names a wrong %s, without its value", (name, value) => {
  const read = () => readSettings(connectionEnv, { ...good, [name]: value });
  expect(read).toThrow(`${name} is invalid. It must be `);
  expect(read).not.toThrow("hunter2");
});

test("the error has a line for each wrong variable", () => {
  const env = { CONCURRENCY: "0", RABBITMQ_URL: good.RABBITMQ_URL, DOWNLOAD_BASE_URL: "ftp://x" };
  const lines = messageOf(() => readSettings(workerEnv, env)).split("\n");
  const names = lines.map((line) => line.split(" ")[0]);
  expect(names.sort()).toEqual(["CONCURRENCY", "DOWNLOAD_BASE_URL", "REDIS_URL", "SUBTITLE_STORAGE_PATH"]);
});

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error("It should have thrown.");
}
