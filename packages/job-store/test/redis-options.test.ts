import * as ioredis6 from "ioredis";
import * as ioredis5 from "ioredis-5";
import { expect, onTestFinished, test } from "vitest";
import { JobStoreError } from "../src/index.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

test.each([
  [undefined, /needs options/],
  [{}, /needs a url/],
  [{ url: undefined }, /is undefined\. Is the environment variable/],
  [{ url: "" }, /is empty\. Is the environment variable/],
  [
    { url: "redis://:secret@h/jobs" },
    /^The url of redisDriver has the path "\/jobs"\. It must be the number of a database/,
  ],
  [{ url: "redis://h/1/jobs" }, /path "\/1\/jobs"/],
  [{ url: "redis://h?db=jobs" }, /query of the url sets the option db of ioredis to "jobs"/],
  [{ url: "redis://h", redis: { db: Number.NaN } }, /redis sets the option db of ioredis to NaN/],
  [{ url: "redis://h", redis: { db: -1 } }, /option db of ioredis to -1/],
  [{ url: "redis://h", cluster: ["h:1"] }, /accepts only one of url, cluster, .* \(got url and cluster\)/],
  [{ client: {}, url: "redis://h" }, /got client and url/],
  [{ url: "http://somewhere" }, /redis:\/\/ or rediss:\/\//],
  [{ url: "redis://h", timeoutMs: 0 }, /timeoutMs/],
  [{ url: "redis://h", eventLogLength: 0 }, /eventLogLength/],
  [{ url: "redis://h", waitReplicas: 1 }, /waitReplicas must be/],
  [{ url: "redis://h", waitReplicas: { count: 0 } }, /waitReplicas\.count/],
  [{ url: "redis://h", waitReplicas: { count: 1, timeoutMs: 0 } }, /waitReplicas\.timeoutMs/],
  [{ url: "redis://h", keyPrefix: 7 }, /keyPrefix/],
  [{ url: "redis://h", keyPrefix: "film\ud83c:" }, /keyPrefix contains half of a surrogate pair/],
  [{ cluster: [] }, /at least one node/],
  [{ client: {} }, /client must be/],
  [{ client: null }, /client must be a Redis or a Cluster of ioredis 5\.10 or later/],
  [{ client: {}, shards: 0 }, /client must be|shards/],
  // Clients of the package redis also have these properties.
  [{ client: { duplicate() {}, on() {}, options: {}, isOpen: false } }, /another package, such as redis, is not/],
  [{ client: { duplicate() {}, on() {}, isCluster: false } }, /client must be/],
  [{ url: "redis://h", connectionName: "two words" }, /connectionName must be 1 to 128 printable ASCII/],
  [{ url: "redis://h", connectionName: "" }, /connectionName must be/],
  [{ url: "redis://h:port" }, /url of redisDriver cannot be parsed/],
  [
    { url: "redis://h", prefix: "films:" },
    /^redisDriver does not support the option "prefix"\. Supported options: .*keyPrefix/,
  ],
  [{ url: "redis://h", redis: null }, /redis must be an object with options of ioredis/],
])("redisDriver(%o) is INVALID_ARGUMENT, and the error names the missing option", (options, says) => {
  expect(failureOf(() => redisDriver(options as never))).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(says),
  });
});

const prefixed = { keyPrefix: "app:" };
const says = /keyPrefix of ioredis, .* use the driver's own option keyPrefix/;

test.each([
  ["redis together with a url", () => ({ url: "redis://h", redis: prefixed }), says],
  ["redis together with sentinels", () => ({ sentinels: [{ host: "h", port: 1 }], name: "m", redis: prefixed }), says],
  ["redis together with a cluster", () => ({ cluster: [{ host: "h", port: 1 }], redis: prefixed }), says],
  ["redisOptions", () => ({ cluster: [{ host: "h", port: 1 }], redis: { redisOptions: prefixed } }), says],
  ["a node of a cluster", () => ({ cluster: [{ host: "h", port: 1, ...prefixed }] }), says],
  ["the address of a node", () => ({ cluster: ["redis://h:1?keyPrefix=app:"] }), says],
  ["the query of the url", () => ({ url: "redis://h?keyPrefix=app:" }), says],
  ["a Redis", () => ({ client: keep(new ioredis6.Redis({ ...prefixed, lazyConnect: true })) }), says],
  ["a Redis of ioredis 5", () => ({ client: keep(new ioredis5.Redis({ ...prefixed, lazyConnect: true })) }), says],
  ["a Cluster", () => ({ client: keep(new ioredis6.Cluster([], { ...prefixed, lazyConnect: true })) }), says],
  [
    "a Cluster of ioredis 5",
    () => ({ client: keep(new ioredis5.Cluster([], { redisOptions: prefixed, lazyConnect: true })) }),
    says,
  ],
  ["a database on a cluster", () => ({ cluster: ["h:1"], redis: { redisOptions: { db: 3 } } }), /db to 3.*database 0/],
  [
    "a database of a Cluster",
    () => ({ client: keep(new ioredis6.Cluster([], { redisOptions: { db: 3 }, lazyConnect: true })) }),
    /The client sets db to 3/,
  ],
  [
    "a reply mapping in the url",
    () => ({ url: "redis://h?stringNumbers=true" }),
    /option stringNumbers .* sets itself/,
  ],
  [
    "a queue in the url",
    () => ({ url: "redis://h?enableOfflineQueue=true" }),
    /option enableOfflineQueue .* sets itself/,
  ],
  ["a name in the url", () => ({ url: "redis://h?connectionName=a" }), /option connectionName .* sets itself/],
])(
  "options of ioredis that the driver does not support are INVALID_ARGUMENT before any I/O: %s",
  (_, options, message) => {
    expect(failureOf(() => redisDriver(options() as RedisDriverOptions))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  },
);

test("an empty keyPrefix, database 0 and a database in the url are accepted", () => {
  redisDriver({ url: "redis://h/3?family=6", redis: { keyPrefix: "" } });
  redisDriver({ cluster: ["redis://h:1", 7000], redis: { redisOptions: { db: 0 } } });
});

function keep<C extends { disconnect(): void }>(client: C): C {
  onTestFinished(() => client.disconnect());
  return client;
}

function failureOf(call: () => unknown): JobStoreError {
  try {
    call();
  } catch (error) {
    if (JobStoreError.is(error)) return error;
    throw error;
  }
  return expect.fail("the options were accepted");
}
