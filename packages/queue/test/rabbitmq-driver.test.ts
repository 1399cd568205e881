import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { describeConnectError, toFailure } from "../src/lib/rabbitmq/amqp-errors.js";
import { backoffMs } from "../src/lib/rabbitmq/connection-manager.js";
import { connectLimitMs } from "../src/lib/rabbitmq/options.js";
import { TimeoutError } from "../src/lib/timers.js";
import { type RabbitmqDriverOptions, rabbitmqDriver } from "../src/rabbitmq.js";

describe("toFailure and describeConnectError", () => {
  const serverError = (text: string, code = 406) =>
    Object.assign(new Error(`Operation failed: QueueDeclare; ${code} (X) with message "${text}"`), { code });

  test.each([
    ["received '20' but current is '5'", "'5'", "'20'"],
    ["received none but current is the value '5' of type 'byte'", "'5'", "not set"],
    ["received the value '' of type 'longstr' but current is none", "not set", "''"],
  ])("parse a mismatch: %s", (text, actual, expected) => {
    const error = serverError(`PRECONDITION_FAILED - inequivalent arg 'x-a' for queue 'p.it's' in vhost '/v': ${text}`);
    expect(toFailure(error)).toEqual({
      ok: false,
      failure: "mismatch",
      mismatch: { queue: "p.it's", differences: [{ argument: "x-a", actual, expected }] },
    });
  });

  test("parse a message that is too large", () => {
    const text = "PRECONDITION_FAILED - message size 200 is larger than configured max size 100";
    expect(toFailure(serverError(text))).toMatchObject({
      failure: "too large",
      reason: expect.stringContaining("200 bytes"),
    });
  });

  test("return other errors with the server's reason", () => {
    const stopped = "INTERNAL_ERROR - no space. For details see the broker logfile";
    expect(toFailure(serverError(`${stopped}.`, 541))).toEqual({
      ok: false,
      failure: "unavailable",
      reason: stopped,
      indeterminate: false,
    });
    const text = "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'";
    expect(toFailure(serverError(text, 403))).toEqual({ ok: false, failure: "denied", reason: text });
    expect(toFailure(serverError("NOT_FOUND - no queue 'q'", 404))).toEqual({ ok: false, failure: "unroutable" });
    expect(toFailure(new Error("Channel closed"))).toMatchObject({ reason: "the connection was lost" });
    expect(toFailure(new TimeoutError("no reply"))).toMatchObject({ failure: "timeout" });
    expect(toFailure("odd")).toMatchObject({ failure: "unavailable" });
  });

  test.each([
    ["amqp://host/films", '"films"'],
    ["amqp://host/a%2Fb", '"a/b"'],
    ["amqp://host/%zz", '"%zz"'],
    ["amqp://host", '"/"'],
  ])("name the virtual host of %s if the broker rejects it", (address, name) => {
    const error = new Error("Expected ConnectionOpenOk; got <ConnectionClose channel:0>");
    expect(describeConnectError(error, address, false)).toContain(name);
  });

  test("return the code if all addresses of a host refuse the connection", () => {
    const error = Object.assign(new AggregateError([new Error("a"), new Error("b")]), { code: "ECONNREFUSED" });
    expect(toFailure(error)).toMatchObject({ reason: "ECONNREFUSED" });
  });
});

test("backoffMs is random, grows with the failures and is at most one second", () => {
  const pauses = (failures: number) => Array.from({ length: 200 }, () => backoffMs(failures));
  expect(new Set(pauses(1)).size).toBeGreaterThan(100);
  expect(Math.max(...pauses(0))).toBeLessThanOrEqual(100);
  expect(Math.max(...pauses(3))).toBeGreaterThan(400);
  for (const failures of [1, 5, 50, 5_000]) {
    for (const pauseMs of pauses(failures)) {
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
  "with $addresses addresses and a timeout of $timeoutMs ms, a connection attempt takes at most $limitMs ms",
  ({ addresses, timeoutMs, limitMs }) => {
    expect(connectLimitMs(addresses, timeoutMs)).toBe(limitMs);
  },
);

describe("rabbitmqDriver", () => {
  const url = "amqp://user:s3cret@localhost:5672/vhost";

  test("opens no connection and shows no password", () => {
    const driver = rabbitmqDriver({ url: [url, "amqps://user:s3cret@other"] });
    expect(driver.name).toBe("rabbitmq");
    expect(inspect(driver, { depth: 10, showHidden: true })).not.toContain("s3cret");
    expect(JSON.stringify(driver)).not.toContain("s3cret");
  });

  test("treats undefined options as absent", () => {
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
    ["tls with an amqp:// address", { tls: { servername: "broker.example" } }],
    ["an invalid certificate", { url: "amqps://localhost", tls: { ca: "s3cret" } }],
    ["an invalid key", { url: "amqps://localhost", tls: { key: "s3cret" } }],
    ["tls that is not an object", { url: "amqps://localhost", tls: "ca" }],
    ["a prefix with a space", { prefix: "a b" }],
    ["a prefix of 65", { prefix: "x".repeat(65) }],
    ["a reserved prefix", { prefix: "amq." }],
    ["a timeout of 0", { timeoutMs: 0 }],
    ["an infinite timeout", { timeoutMs: Number.POSITIVE_INFINITY }],
    ["a window of 0", { maxPendingConfirms: 0 }],
    ["a heartbeat of 0", { heartbeatSeconds: 0 }],
    ["an acknowledgement timeout of 0", { ackTimeoutMs: 0 }],
    ["a fractional heartbeat", { heartbeatSeconds: 0.5 }],
    ["an empty connection name", { connectionName: "" }],
    ["a connection name of 129 characters", { connectionName: "x".repeat(129) }],
    ["a connection name with a line break", { connectionName: "a\nb" }],
    ["a connection name that is not ASCII", { connectionName: "é" }],
    ["a connection name that is not a string", { connectionName: 1 }],
  ])("rejects %s without quoting a password", (_name, options) => {
    const open = () => rabbitmqDriver({ url, ...options } as RabbitmqDriverOptions);
    expect(open).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(open).not.toThrowError(/s3cret/);
  });

  test.each([
    [{ url: undefined }, /`url` of rabbitmqDriver is undefined\. Is the environment variable .*RABBITMQ_URL/],
    [{ url: "" }, /`url` of rabbitmqDriver is empty\. Is the environment variable .*RABBITMQ_URL/],
    [
      { url, keyPrefix: "films." },
      /^rabbitmqDriver does not support the option "keyPrefix"\. Supported options: .*prefix/,
    ],
  ])("describes the problem of %o", (options, message) => {
    expect(() => rabbitmqDriver(options as RabbitmqDriverOptions)).toThrowError(message);
  });
});
