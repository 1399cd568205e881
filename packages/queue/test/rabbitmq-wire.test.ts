import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { toFailure, wordsOfOpening } from "../src/lib/rabbitmq/refusals.js";
import { connectLimitMs, jitteredPauseMs } from "../src/lib/rabbitmq/time.js";
import { Overdue } from "../src/lib/within.js";
import { type RabbitmqDriverOptions, rabbitmqDriver } from "../src/rabbitmq.js";

describe("what a server refuses, in its own words", () => {
  const refusal = (words: string, code = 406) =>
    Object.assign(new Error(`Operation failed: QueueDeclare; ${code} (X) with message "${words}"`), { code });

  test.each([
    ["received '20' but current is '5'", "'5'", "'20'"],
    ["received none but current is the value '5' of type 'byte'", "'5'", "not set"],
    ["received the value '' of type 'longstr' but current is none", "not set", "''"],
  ])("a mismatch: %s", (words, found, wanted) => {
    const error = refusal(`PRECONDITION_FAILED - inequivalent arg 'x-a' for queue 'p.it's' in vhost '/v': ${words}`);
    expect(toFailure(error)).toEqual({
      ok: false,
      failure: "mismatch",
      mismatch: { queue: "p.it's", differences: [{ argument: "x-a", found, wanted }] },
    });
  });

  test("a message that is too large", () => {
    const words = "PRECONDITION_FAILED - message size 200 is larger than configured max size 100";
    expect(toFailure(refusal(words))).toMatchObject({
      failure: "too large",
      reason: expect.stringContaining("200 bytes"),
    });
  });

  test("anything else is unavailable, with the server's reason", () => {
    const stopped = "INTERNAL_ERROR - no space. For details see the broker logfile";
    expect(toFailure(refusal(`${stopped}.`, 541))).toEqual({
      ok: false,
      failure: "unavailable",
      reason: stopped,
      indeterminate: false,
    });
    const words = "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'";
    expect(toFailure(refusal(words, 403))).toEqual({ ok: false, failure: "denied", reason: words });
    expect(toFailure(refusal("NOT_FOUND - no queue 'q'", 404))).toEqual({ ok: false, failure: "unroutable" });
    expect(toFailure(new Error("Channel closed"))).toMatchObject({ reason: "the connection was lost" });
    expect(toFailure(new Overdue("no answer"))).toMatchObject({ failure: "timeout" });
    expect(toFailure("odd")).toMatchObject({ failure: "unavailable" });
  });

  test.each([
    ["amqp://host/films", '"films"'],
    ["amqp://host/a%2Fb", '"a/b"'],
    ["amqp://host/%zz", '"%zz"'],
    ["amqp://host", '"/"'],
  ])("%s, whose virtual host the broker does not open, is told with its name", (address, name) => {
    const error = new Error("Expected ConnectionOpenOk; got <ConnectionClose channel:0>");
    expect(wordsOfOpening(error, address, false)).toContain(name);
  });

  test("a host with several addresses that all refuse is named by its code", () => {
    const error = Object.assign(new AggregateError([new Error("a"), new Error("b")]), { code: "ECONNREFUSED" });
    expect(toFailure(error)).toMatchObject({ reason: "ECONNREFUSED" });
  });
});

test("pauses before a reconnect differ, grow, and stay short enough to be back within two seconds", () => {
  const pausesAfter = (failures: number) => Array.from({ length: 200 }, () => jitteredPauseMs(failures));
  expect(new Set(pausesAfter(1)).size).toBeGreaterThan(100);
  expect(Math.max(...pausesAfter(0))).toBeLessThanOrEqual(100);
  expect(Math.max(...pausesAfter(3))).toBeGreaterThan(400);
  for (const failures of [1, 5, 50, 5_000]) {
    for (const pauseMs of pausesAfter(failures)) {
      expect(pauseMs).toBeGreaterThanOrEqual(0);
      expect(pauseMs).toBeLessThanOrEqual(1_000);
    }
  }
});

test.each([
  { addresses: 1, timeoutMs: 700, limitMs: 5_000 },
  { addresses: 2, timeoutMs: 10_000, limitMs: 5_000 },
  { addresses: 4, timeoutMs: 10_000, limitMs: 2_500 },
  { addresses: 3, timeoutMs: 500, limitMs: 1_000 },
])(
  "with $addresses addresses and $timeoutMs ms for a call, one may take $limitMs ms to connect",
  ({ addresses, timeoutMs, limitMs }) => {
    expect(connectLimitMs(addresses, timeoutMs)).toBe(limitMs);
  },
);

describe("rabbitmqDriver", () => {
  const url = "amqp://user:s3cret@localhost:5672/vhost";

  test("opens nothing, and shows no password", () => {
    const driver = rabbitmqDriver({ url: [url, "amqps://user:s3cret@elsewhere"] });
    expect(driver.name).toBe("rabbitmq");
    expect(inspect(driver, { depth: 10, showHidden: true })).not.toContain("s3cret");
    expect(JSON.stringify(driver)).not.toContain("s3cret");
  });

  test("takes options that are undefined as absent", () => {
    const options = {
      url,
      tls: undefined,
      prefix: undefined,
      timeoutMs: undefined,
      maxPendingConfirms: undefined,
      heartbeatSeconds: undefined,
      ackTimeoutMs: undefined,
      connectionName: undefined,
    };
    expect(rabbitmqDriver(options).name).toBe("rabbitmq");
  });

  test.each<[string, Partial<Record<keyof RabbitmqDriverOptions, unknown>>]>([
    ["no url", { url: undefined }],
    ["an empty url", { url: "" }],
    ["no address", { url: [] }],
    ["another protocol", { url: "http://user:s3cret@localhost" }],
    ["no protocol", { url: "user:s3cret@localhost" }],
    ["one bad address among good ones", { url: [url, "redis://s3cret@localhost"] }],
    ["tls beside a plain address", { tls: { servername: "broker.example" } }],
    ["a certificate that is none", { url: "amqps://localhost", tls: { ca: "s3cret" } }],
    ["a key that is none", { url: "amqps://localhost", tls: { key: "s3cret" } }],
    ["tls that is no object", { url: "amqps://localhost", tls: "ca" }],
    ["a prefix with a space", { prefix: "a b" }],
    ["a prefix of 65", { prefix: "x".repeat(65) }],
    ["the broker's own prefix", { prefix: "amq." }],
    ["no time", { timeoutMs: 0 }],
    ["no end of time", { timeoutMs: Number.POSITIVE_INFINITY }],
    ["no window", { maxPendingConfirms: 0 }],
    ["no heartbeat", { heartbeatSeconds: 0 }],
    ["no acknowledgement timeout", { ackTimeoutMs: 0 }],
    ["half a heartbeat", { heartbeatSeconds: 0.5 }],
    ["an empty connection name", { connectionName: "" }],
    ["a connection name of 129 characters", { connectionName: "x".repeat(129) }],
    ["a connection name with a line break", { connectionName: "a\nb" }],
    ["a connection name that is not ASCII", { connectionName: "é" }],
    ["a connection name that is no string", { connectionName: 1 }],
  ])("refuses %s, and quotes no password", (_name, options) => {
    const open = () => rabbitmqDriver({ url, ...options } as RabbitmqDriverOptions);
    expect(open).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(open).not.toThrowError(/s3cret/);
  });

  test.each([
    [{ url: undefined }, /url of rabbitmqDriver is undefined: is the variable set/],
    [{ url: "" }, /url of rabbitmqDriver is empty: is the variable set/],
    [
      { url, keyPrefix: "films." },
      /^rabbitmqDriver does not support the option "keyPrefix"\. Supported options: .*prefix/,
    ],
  ])("says what is wrong with %o", (options, says) => {
    expect(() => rabbitmqDriver(options as RabbitmqDriverOptions)).toThrowError(says);
  });
});
