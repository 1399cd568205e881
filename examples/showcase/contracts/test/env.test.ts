import { expect, test } from "vitest";
import { connectionEnv, parseEnv, workerEnv } from "../src/env.js";

const good = { REDIS_URL: "redis://localhost:6379", RABBITMQ_URL: "amqp://localhost:5672" };

test("a complete environment is read, with defaults for the rest", () => {
  expect(parseEnv(connectionEnv, good)).toEqual({
    REDIS_URL: "redis://localhost:6379",
    REDIS_KEY_PREFIX: "",
    RABBITMQ_URL: ["amqp://localhost:5672"],
    RABBITMQ_PREFIX: "",
    LOG_LEVEL: "info",
  });
});

test("several addresses of one RabbitMQ cluster are separated by commas", () => {
  const { RABBITMQ_URL } = parseEnv(connectionEnv, { ...good, RABBITMQ_URL: "amqp://one,amqps://two:5671" });
  expect(RABBITMQ_URL).toEqual(["amqp://one", "amqps://two:5671"]);
});

test("a missing variable is named, with what it should be", () => {
  expect(() => parseEnv(connectionEnv, { RABBITMQ_URL: good.RABBITMQ_URL })).toThrow(
    "REDIS_URL is missing: it should be the address of the Redis that holds the jobs, such as redis://localhost:6379",
  );
});

test("an empty variable is a missing one", () => {
  expect(() => parseEnv(connectionEnv, { ...good, REDIS_URL: "" })).toThrow("REDIS_URL is missing");
});

test.each([
  ["REDIS_URL", "http://user:hunter2@example.org"],
  ["RABBITMQ_URL", "amqp://localhost,user:hunter2@example.org"],
  ["LOG_LEVEL", "hunter2"],
  ["REDIS_JOB_TTL_FAILED", "hunter2 days"],
])("a wrong %s is named, and its value is not repeated", (name, value) => {
  const read = () => parseEnv(connectionEnv, { ...good, [name]: value });
  expect(read).toThrow(`${name} cannot be used: it should be `);
  expect(read).not.toThrow("hunter2");
});

test("all that is wrong is told at once, a line each", () => {
  const env = { CONCURRENCY: "0", RABBITMQ_URL: good.RABBITMQ_URL, DOWNLOAD_BASE_URL: "ftp://x" };
  const lines = messageOf(() => parseEnv(workerEnv, env)).split("\n");
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
