import { expect, test } from "vitest";
import { connectionSettings, readSettings } from "../settings.js";

test("everything has a default, and an empty variable counts as missing", () => {
  expect(readSettings(connectionSettings, { REDIS_URL: "", LOG_LEVEL: "" })).toMatchObject({ LOG_LEVEL: "info" });
});

test.each(["localhost:6379", "redis:/", "http://localhost", "6379"])("a wrong address shows a right one: %s", (url) => {
  const read = () => readSettings(connectionSettings, { REDIS_URL: url });
  expect(read).toThrow("REDIS_URL: must be an address such as redis://localhost:6379");
});

test("all wrong variables are named at once, without their values", () => {
  const read = () => readSettings(connectionSettings, { REDIS_URL: "http://me:hunter2@host", KEY_PREFIX: "a b" });
  expect(read).toThrow(/^REDIS_URL: .+\nKEY_PREFIX: .+$/);
  expect(read).not.toThrow("hunter2");
});
