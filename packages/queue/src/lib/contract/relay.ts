import { expect, onTestFinished, test } from "vitest";
import { createRelay, type RelayEntry, type RelayOutbox } from "../relay.js";
import { FakeOutbox, type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

export function relayContract(open: OpenDriver): void {
  test("publishes the entries in order under their ids, then acknowledges them", async () => {
    const { broker, tasks } = await setUp(open);
    const outbox = new FakeOutbox([1, 2, 3, 4, 5].map((n) => entry(n, { headers: { traceparent: `t${n}` } })));
    const relay = createRelay({ outbox, broker, queues: [tasks] });
    onTestFinished(() => relay.close());
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e1", "e2", "e3", "e4", "e5"]);
    expect(relay.published).toBe(5);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(5);
    expect(messages.map(({ id, payload, headers }) => [id, payload.n, headers.traceparent])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [`m${n}`, n, `t${n}`]),
    );
  });

  test("rejects an entry that can never be published, with the reason and without blocking other entries", async () => {
    const { broker, tasks } = await setUp(open);
    const errors: unknown[] = [];
    const outbox = new FakeOutbox([
      entry(1, { queue: "nowhere" }),
      entry(2, { payload: { n: "two" } }),
      entry(3, { id: "" }),
      entry(4, { headers: { "x-subtitles-attempt": "9" } }),
      entry(5),
    ]);
    const relay = createRelay({ outbox, broker, queues: [tasks], onError: (error) => errors.push(error) });
    onTestFinished(() => relay.close());
    await expect.poll(() => [...outbox.rejected.keys()].sort(), PATIENCE).toEqual(["e1", "e2", "e3", "e4"]);
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e5"]);
    expect(outbox.rejected.get("e1")).toContain("nowhere");
    expect(outbox.rejected.get("e2")).toContain("n: ");
    expect((await broker.stats(tasks)).ready).toBe(1);
    expect(errors).toHaveLength(4);
  });

  test("continues after failed reads and acknowledgements, without publishing an entry twice", async () => {
    const { broker, tasks } = await setUp(open);
    const errors: unknown[] = [];
    const outbox = new FakeOutbox([entry(1), entry(2)]);
    outbox.failures = { read: 2, ack: 2 };
    const relay = createRelay({ outbox, broker, queues: [tasks], onError: (error) => errors.push(error) });
    onTestFinished(() => relay.close());
    await expect.poll(() => outbox.acknowledged.sort(), PATIENCE).toEqual(["e1", "e2"]);
    expect(relay.published).toBe(2);
    expect((await broker.stats(tasks)).ready).toBe(2);
    expect(errors.map(String)).toEqual(["Error: read", "Error: read", "Error: ack", "Error: ack"]);
  });

  test("several relays publish all entries", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const outbox = new FakeOutbox(Array.from({ length: 500 }, (_, n) => entry(n)));
    const relays = [broker, openBroker(), openBroker()].map((each) =>
      createRelay({ outbox, broker: each, queues: [tasks], onError: undefined }),
    );
    onTestFinished(async () => void (await Promise.all(relays.map((relay) => relay.close()))));
    await expect.poll(() => outbox.acknowledged.length, PATIENCE).toBe(500);
    expect(relays.reduce((sum, relay) => sum + relay.published, 0)).toBe(500);
    expect((await broker.stats(tasks)).ready).toBe(500);
  });

  test("a second relay publishes each remaining entry once after the first one closed", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const outbox = new FakeOutbox(Array.from({ length: 1_000 }, (_, n) => entry(n)));
    const first = createRelay({ outbox, broker, queues: [tasks] });
    await expect.poll(() => first.published, PATIENCE).toBeGreaterThan(0);
    await first.close();
    const second = createRelay({ outbox, broker: openBroker(), queues: [tasks] });
    onTestFinished(() => second.close());
    await expect.poll(() => outbox.acknowledged.length, PATIENCE).toBe(1_000);
    expect(first.published + second.published).toBe(1_000);
    expect((await broker.stats(tasks)).ready).toBe(1_000);
  });

  test("publishes an entry again under the same id if the relay crashed between confirm and acknowledgement", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const outbox = new FakeOutbox([entry(1), entry(2)]);
    const crashing = { read: outbox.read.bind(outbox), ack: () => new Promise<never>(() => {}) };
    const first = createRelay({ outbox: crashing, broker, queues: [tasks] });
    await expect.poll(() => first.published, PATIENCE).toBe(2);
    // An outbox returns entries again that were not acknowledged within their claim.
    outbox.returnUnacknowledged();
    const second = createRelay({ outbox, broker: openBroker(), queues: [tasks] });
    onTestFinished(() => second.close());
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e1", "e2"]);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["m1", "m2", "m1", "m2"]);
  });

  test("close publishes the entries that the outbox has claimed during the last read", async () => {
    const { broker, tasks } = await setUp(open);
    const outbox = new FakeOutbox([entry(1), entry(2)]);
    const slow = {
      read: async ({ signal }: Parameters<RelayOutbox["read"]>[0] = {}) => {
        const entries = await outbox.read();
        // The reply with the entries arrives after the relay was closed.
        if (signal?.aborted === false) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await new Promise(setImmediate);
        return entries;
      },
      ack: (entryIds: readonly string[]) => outbox.ack(entryIds),
    };
    const relay = createRelay({ outbox: slow, broker, queues: [tasks] });
    await relay.close();
    expect(outbox.acknowledged).toEqual(["e1", "e2"]);
    expect((await broker.stats(tasks)).ready).toBe(2);
  });

  test("close ends while the outbox waits, even if it ignores the signal, and can be repeated", async () => {
    const { broker, tasks } = await setUp(open);
    for (const outbox of [new FakeOutbox([]), { read: () => new Promise<never>(() => {}), ack: async () => {} }]) {
      const relay = createRelay({ outbox, broker, queues: [tasks] });
      await Promise.all([relay.close(), relay.close()]);
      await relay[Symbol.asyncDispose]();
    }
  });

  test("createRelay rejects invalid options with INVALID_ARGUMENT", async () => {
    const { broker, tasks } = await setUp(open);
    const invalidArgument = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    const outbox = new FakeOutbox([]);
    expect(() => createRelay({ outbox: {} as RelayOutbox, broker, queues: [tasks] })).toThrowError(invalidArgument);
    expect(() => createRelay({ outbox, broker, queues: [{ ...tasks, name: "not a name" }] })).toThrowError(
      invalidArgument,
    );
  });
}

function entry(n: number, changes: Partial<RelayEntry> = {}): RelayEntry {
  return { entryId: `e${n}`, id: `m${n}`, queue: "tasks", payload: { n }, ...changes };
}
