import { expect, test } from "vitest";
import { z } from "zod";
import { connectionSettings, readSettings } from "../settings.js";

test("every setting has a default or is optional, and an empty variable counts as missing", () => {
  expect(readSettings(connectionSettings, { REDIS_URL: "", LOG_LEVEL: "" })).toMatchObject({ LOG_LEVEL: "info" });
});

test.each(["localhost:6379", "redis:/", "http://localhost", "6379"])(
  "the error of a wrong address shows a valid one: %s",
  (url) => {
    const read = () => readSettings(connectionSettings, { REDIS_URL: url });
    expect(read).toThrow("REDIS_URL is invalid. It must be an address such as redis://localhost:6379.");
  },
);

test("the error names all wrong variables, without their values", () => {
  const read = () => readSettings(connectionSettings, { REDIS_URL: "http://me:hunter2@host", KEY_PREFIX: "a b" });
  expect(read).toThrow(/^REDIS_URL is invalid. .+\nKEY_PREFIX is invalid. .+$/);
  expect(read).not.toThrow("hunter2");
});

test("the error of a missing variable is another one, and a setting can be without a description", () => {
  const read = () => readSettings({ ONE: z.string().describe("a name"), TWO: z.string() }, {});
  expect(read).toThrow("ONE is missing. It must be a name.\nTWO is missing.");
});
