import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Rabbitmq, startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { privateServer } from "../../../test/servers/require.js";
import { type Broker, defineQueue } from "../src/index.js";
import { latch, PATIENCE, recorder } from "../src/lib/contract/fixture.js";
import { onServer, type Tasks, tasks } from "./rabbitmq-queues.js";

const rabbitmq = privateServer("rabbitmq");

/** Options to wait for a restart of the broker. */
const LONG = { timeout: 120_000, interval: 20 };

const untouched = defineQueue({ ...tasks, name: "untouched" });

describe.skipIf(!rabbitmq.available)(rabbitmq.title("a private broker"), () => {
  let server: Rabbitmq;
  beforeAll(async () => {
    server = await startRabbitmq({
      config: ["max_message_size = 100000", "consumer_timeout = 1000"],
      settings: { channel_tick_interval: 500 },
    });
  });
  afterAll(() => server?.stop());

  test("connections have the given name and their purpose in RabbitMQ's list", async () => {
    const { broker } = onServer(server.url);
    const named = broker({ connectionName: "my films" });
    await Promise.all([named.publish(tasks, { n: 1 }), named.stats(tasks), broker().publish(tasks, { n: 2 })]);
    const listed = await server.control("list_connections", "client_properties");
    const names = [...listed.matchAll(/"connection_name","(.*?)"/g)].map(([, name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(["my films publishing", "my films consuming", "@subtitles/queue publishing"]),
    );
  });

  test.each([
    ["configure", ["^$", ".*", ".*"]],
    ["read", [".*", ".*", "^$"]],
  ])("consume without the %s permission fails immediately with the broker's reason", async (permission, patterns) => {
    const user = `without-${permission}`;
    await server.control("add_user", user, "s3cret");
    await server.control("set_permissions", user, ...patterns);
    const { broker } = onServer(server.url);
    if (permission === "read") await broker().stats(tasks);
    const url = Object.assign(new URL(server.url), { username: user, password: "s3cret" }).href;
    // The call must not wait for its timeout, which is longer than the timeout of the test.
    await expect(broker({ url, timeoutMs: 600_000 }).consume(tasks, async () => {})).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("ACCESS_REFUSED"),
    });
  });

  test("an oversized message is rejected without affecting other messages", async () => {
    const { broker } = onServer(server.url);
    const here = broker();
    const publishes = Array.from({ length: 60 }, (_, n) =>
      here.publish(tasks, { n, text: n === 30 || n === 40 ? "x".repeat(200_000) : "small" }),
    );
    const results = await Promise.allSettled(publishes);
    const rejected = results.flatMap((result, n) => (result.status === "rejected" ? [n] : []));
    expect(rejected).toEqual([30, 40]);
    expect(results[30]).toMatchObject({
      reason: { code: "INVALID_PAYLOAD", message: expect.stringContaining("100000") },
    });
    const seen = new Set<number>();
    await broker().consume(tasks, async ({ payload }) => void seen.add(payload.n), { prefetch: 100 });
    await expect.poll(() => seen.size, PATIENCE).toBe(58);
  });

  test("an acknowledgement timeout is reported, and the handler is not started twice", async () => {
    const { broker, reported } = onServer(server.url);
    const here = broker();
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<Tasks>(({ id }) => (id === "a" ? opened.then(() => undefined) : undefined));
    await here.consume(tasks, handler, { concurrency: 2 });
    await here.publish(tasks, { n: 1 }, { id: "a" });
    await expect
      .poll(() => reported.map(String), PATIENCE)
      .toContainEqual(expect.stringMatching(/acknowledgement.*timed out/));
    // Delivered after the redelivery of the first message.
    await here.publish(tasks, { n: 2 }, { id: "b" });
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["a", "b"]);
    release();
    await here.close();
    expect(messages).toHaveLength(2);
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("several acknowledgement timeouts are reported, the connection stays open, and no handler runs twice", async () => {
    const { broker, reported } = onServer(server.url);
    const here = broker();
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
    await here.consume(tasks, handler, { concurrency: 2 });
    for (const n of [1, 2]) {
      await here.publish(tasks, { n });
      await expect.poll(() => messages.length, PATIENCE).toBe(n);
    }
    const timedOut = () => reported.map(String).filter((each) => /acknowledgement.*timed out/.test(each));
    await expect.poll(() => timedOut().length, PATIENCE).toBeGreaterThanOrEqual(2);
    expect(await here.health()).toMatchObject({ status: "healthy", reconnects: 0 });
    release();
    // Delivered after the redelivery of the others.
    await here.publish(tasks, { n: 3 });
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([1, 2, 3]);
    await here.close();
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("a memory alarm: publishers wait until its end or their timeout, and consumers continue", async () => {
    const { broker } = onServer(server.url);
    const patient = broker({ timeoutMs: 60_000 });
    const hasty = broker({ timeoutMs: 500 });
    const seen: number[] = [];
    await patient.consume(tasks, async ({ payload }) => void seen.push(payload.n));
    // On a busy machine, connecting may take longer than the timeout, and the message may be published twice.
    await vi.waitFor(() => hasty.publish(tasks, { n: 0 }), PATIENCE);
    await server.control("set_vm_memory_high_watermark", "absolute", "1MB");
    // The alarm begins some time after the command. The broker reports it to a connection after the next publish.
    const first = () =>
      hasty.publish(tasks, { n: 1 }).then(
        () => null,
        (error: unknown) => error,
      );
    expect(await vi.waitUntil(first, PATIENCE)).toMatchObject({ code: "TIMEOUT", indeterminate: true });
    const publishing = [2, 3].map((n) => patient.publish(tasks, { n }));
    for (const blocked of [hasty, patient])
      await expect.poll(() => blocked.health(), PATIENCE).toMatchObject({ status: "degraded", blocked: true });
    await expect(hasty.publish(tasks, { n: 4 })).rejects.toMatchObject({
      code: "TIMEOUT",
      indeterminate: false,
      message: expect.stringContaining("alarm"),
    });
    expect(await patient.stats(tasks)).toMatchObject({ ready: 0, consumers: 1 });
    expect(seen.filter((n) => n > 1)).toEqual([]);
    await server.control("set_vm_memory_high_watermark", "0.4");
    await Promise.all(publishing);
    await expect.poll(() => hasty.health(), PATIENCE).toMatchObject({ status: "healthy", blocked: false });
    // The message of the first error was sent before the connection was blocked, so the error was indeterminate.
    await expect.poll(() => [...new Set(seen)].toSorted(), PATIENCE).toEqual([0, 1, 2, 3]);
  });

  test("kill -9 during publishing and consuming: no confirmed message is lost, and both resume (quorum and classic)", async () => {
    const { broker } = onServer(server.url);
    const here = broker({ timeoutMs: 120_000, maxPendingConfirms: 100 });
    const workloads = (["quorum", "classic"] as const).map((type) => new Workload(here, type));
    await here.publishMany(untouched, Array(20).fill({ payload: { n: 0 } }));
    await Promise.all(workloads.map((each) => each.start()));
    const minimum = () => Math.min(...workloads.flatMap(({ confirmed, seen }) => [confirmed.length, seen.size]));
    await expect.poll(minimum, LONG).toBeGreaterThan(100);
    await server.kill();
    await server.restart();
    const before = workloads.map(({ confirmed }) => confirmed.length);
    const resumed = () => workloads.every(({ confirmed }, n) => confirmed.length > (before[n] ?? 0) + 20);
    await expect.poll(resumed, LONG).toBe(true);
    await Promise.all(workloads.map((each) => each.stop()));
    for (const { confirmed, seen } of workloads) {
      await expect.poll(() => confirmed.filter((n) => !seen.has(n)), LONG).toEqual([]);
    }
    expect(await here.stats(untouched)).toMatchObject({ ready: 20 });
  });

  test("a frozen broker: calls and close end within their timeouts, and calls with a long timeout succeed after it resumes", async () => {
    const { broker } = onServer(server.url);
    const hasty = { timeoutMs: 3_000, maxPendingConfirms: 3 };
    const connect = async (options: { readonly timeoutMs: number }) => {
      const opened = broker(options);
      await opened.health();
      return opened;
    };
    const consuming = broker(hasty);
    const { messages, handler } = recorder<Tasks>(() => new Promise(() => {}));
    await consuming.consume(tasks, handler);
    await consuming.publish(tasks, { n: 0 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    const [declaring, patientDeclaring] = [await connect(hasty), await connect({ timeoutMs: 60_000 })];
    const [connecting, patientConnecting] = [broker(hasty), broker({ timeoutMs: 60_000 })];

    await server.kill("SIGSTOP");
    const patientCalls = [patientDeclaring, patientConnecting].map((each) => each.publish(tasks, { n: 9 }));
    try {
      const [publishes, requests, others, consumes] = await Promise.all([
        Promise.allSettled([1, 2, 3, 4].map((n) => consuming.publish(tasks, { n }))),
        Promise.allSettled([
          consuming.stats(tasks),
          consuming.deadLetters(tasks),
          consuming.redrive(tasks),
          consuming.purge(tasks),
        ]),
        Promise.allSettled([declaring, connecting].map((each) => each.publish(tasks, { n: 5 }))),
        Promise.allSettled([declaring, connecting].map((each) => each.consume(tasks, handler))),
      ]);
      expect(publishes).toMatchObject([
        ...Array(3).fill({ reason: { code: "TIMEOUT", indeterminate: true } }),
        // The window was full.
        { reason: { code: "TIMEOUT", indeterminate: false } },
      ]);
      expect(requests).toMatchObject(Array(4).fill({ reason: { code: "TIMEOUT" } }));
      expect(others).toMatchObject([
        { reason: { code: "TIMEOUT", indeterminate: false } },
        { reason: { code: "UNAVAILABLE", indeterminate: false } },
      ]);
      expect(consumes).toMatchObject(Array(2).fill({ reason: { code: "UNAVAILABLE" } }));
      expect(await consuming.health({ timeoutMs: 100 })).toMatchObject({ status: "unhealthy", pendingConfirms: 3 });
      await Promise.all([consuming, declaring, connecting].map((each) => each.close({ graceMs: 0 })));
    } finally {
      await server.kill("SIGCONT");
    }
    await Promise.all(patientCalls);
  });

  test("a connection without heartbeats is closed, and replaced when the broker responds again", async () => {
    const { broker } = onServer(server.url);
    const here = broker({ heartbeatSeconds: 1, timeoutMs: 120_000 });
    await here.publish(tasks, { n: 1 });
    await server.kill("SIGSTOP");
    const publishing = here.publish(tasks, { n: 2 });
    await expect.poll(async () => (await here.health({ timeoutMs: 50 })).error, LONG).toMatch(/heartbeat/i);
    await server.kill("SIGCONT");
    await publishing;
    expect((await here.health()).reconnects).toBe(1);
  });
});

/** Publishes to and consumes from a queue continuously. Stores the confirmed and the received messages. */
class Workload {
  readonly confirmed: number[] = [];
  readonly seen = new Set<number>();
  readonly #broker: Broker;
  readonly #queue: Tasks;
  #publishing: Promise<unknown> | undefined;
  #stopped = false;

  constructor(broker: Broker, type: "quorum" | "classic") {
    this.#broker = broker;
    this.#queue = defineQueue({ ...tasks, name: type, type, retryDelaysMs: [50] });
  }

  async start(): Promise<void> {
    await this.#broker.consume(this.#queue, async ({ payload }) => void this.seen.add(payload.n), { concurrency: 20 });
    this.#publishing = Promise.all([0, 1, 2, 3].map((part) => this.#publish(part)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#publishing;
  }

  async #publish(part: number): Promise<void> {
    for (let n = part; !this.#stopped; n += 4) {
      await this.#broker.publish(this.#queue, { n });
      this.confirmed.push(n);
    }
  }
}
