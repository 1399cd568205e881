import { expect, test } from "vitest";
import { JobStoreError } from "../src/index.js";
import { redisDriver } from "../src/redis.js";

test.each([
  [undefined, /needs options/],
  [{}, /needs a url/],
  [{ url: undefined }, /is undefined: is the variable set/],
  [{ url: "http://somewhere" }, /redis:\/\/ or rediss:\/\//],
  [{ url: "redis://h", timeoutMs: 0 }, /timeoutMs/],
  [{ url: "redis://h", eventLogLength: 0 }, /eventLogLength/],
  [{ url: "redis://h", waitReplicas: 1 }, /waitReplicas must be/],
  [{ url: "redis://h", waitReplicas: { count: 0 } }, /waitReplicas\.count/],
  [{ url: "redis://h", waitReplicas: { count: 1, timeoutMs: 0 } }, /waitReplicas\.timeoutMs/],
  [{ url: "redis://h", keyPrefix: 7 }, /keyPrefix/],
  [{ url: "redis://h", keyPrefix: "film\ud83c:" }, /keyPrefix has half of a surrogate pair/],
  [{ cluster: [] }, /at least one node/],
  [{ client: {} }, /client must be/],
  [{ client: {}, shards: 0 }, /client must be|shards/],
])("redisDriver(%o) is INVALID_ARGUMENT, and says what is missing", (options, says) => {
  try {
    redisDriver(options as never);
  } catch (error) {
    expect(JobStoreError.is(error, "INVALID_ARGUMENT")).toBe(true);
    expect(error).toMatchObject({ message: expect.stringMatching(says) });
    return;
  }
  expect.fail("the options were accepted");
});
