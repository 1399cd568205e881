import { expect, test } from "vitest";
import { memoryProviderStates } from "../src/provider-state.js";
import { redisProviderStates } from "../src/redis-provider-states.js";

test("a note changes only the fields that it names", async () => {
  await using states = memoryProviderStates();
  await states.note("opensubtitles", { remaining: 3, allowed: 20 });
  await states.note("opensubtitles", { throttledUntil: "2030-01-01T00:00:00.000Z", reason: "Too many requests." });
  await states.note("openai", { reason: null });
  expect(await states.get("opensubtitles")).toMatchObject({
    remaining: 3,
    allowed: 20,
    resetsAt: null,
    throttledUntil: "2030-01-01T00:00:00.000Z",
  });
  expect((await states.list()).map(({ name }) => name)).toEqual(["openai", "opensubtitles"]);
  expect(await states.get("elsewhere")).toBeNull();
});

test("while Redis is unavailable, calls fail soon, without the password in the error", async () => {
  const errors: Error[] = [];
  await using states = redisProviderStates({
    url: "redis://user:hunter2@127.0.0.1:1",
    keyPrefix: "",
    onError: (error) => errors.push(error),
  });
  await expect(states.list()).rejects.toThrow("The state of the providers cannot be read or written");
  await expect(states.note("x", { remaining: 1 })).rejects.not.toThrow("hunter2");
  await expect.poll(() => errors.length).toBeGreaterThan(0);
  expect(errors.map(String).join()).not.toContain("hunter2");
});
