import { describe, expect, test, vi } from "vitest";
import { Call } from "../src/lib/redis/call.js";
import type { Connection } from "../src/lib/redis/connection.js";
import { type Carrier, Lane, Outdated } from "../src/lib/redis/lane.js";
import { Interrupted } from "../src/lib/redis/line.js";

class Named extends Call<string> {
  constructor(readonly name: string) {
    super(0);
  }
}

/** A carrier that does as it is told with each batch, and remembers what it was given. */
function start(timeoutMs = 2000) {
  const sent: string[][] = [];
  const carrier = {
    smallest: 16,
    isReady: true as boolean,
    prepare: vi.fn(async () => {}),
    onBatch: async (_: readonly Named[]): Promise<void> => {},
    send: async (batch: readonly Named[]) => {
      sent.push(batch.map(({ name }) => name));
      await carrier.onBatch(batch);
      for (const call of batch) call.resolve(call.name);
    },
    explain: async (error: unknown) => error,
  } satisfies Carrier<Named> & { onBatch: unknown };
  // Of a connection it only takes the time of a call, and whether it stands.
  const connection = {
    budget: () => ({ end: performance.now() + timeoutMs, doubtful: false }),
    fault: null,
    isReady: true,
  } as unknown as Connection;
  const lane = new Lane<Named>(carrier, connection);
  const add = (name: string) => {
    const call = new Named(name);
    lane.add(call);
    return call.promise;
  };
  return { carrier, sent, add };
}

const names = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);

describe("calls", () => {
  test("of one turn travel together, promises of that turn included", async () => {
    const { sent, add } = start();
    const later = Promise.resolve().then(() => add("c"));
    await Promise.all([add("a"), add("b"), later]);
    expect(sent).toEqual([["a", "b", "c"]]);
  });

  test("of different turns do not wait for each other", async () => {
    const { sent, add } = start();
    await add("a");
    await add("b");
    expect(sent).toEqual([["a"], ["b"]]);
  });

  test("that are many are a quarter of them at a time, but no less than their carrier says, nor more than 64, in order", async () => {
    for (const [count, size] of [
      [40, 16],
      [100, 25],
      [1000, 64],
    ] as const) {
      const { sent, add } = start();
      expect(await Promise.all(names(count).map(add))).toEqual(names(count));
      expect(Math.max(...sent.map(({ length }) => length))).toBe(size);
      expect(sent.flat()).toEqual(names(count));
    }
  });

  test("keep their order when they are sent again", async () => {
    const { carrier, sent, add } = start();
    let left = 4;
    carrier.onBatch = async () => {
      if (left-- > 0) throw new Outdated("the map has changed");
    };
    await Promise.all(names(100).map(add));
    expect(sent.slice(4).flat()).toEqual(names(100));
  });

  test("that may have been carried out are sent again one by one", async () => {
    const { carrier, sent, add } = start();
    let broken = false;
    carrier.onBatch = async () => {
      if (broken) return;
      broken = true;
      throw new Interrupted("the connection was lost", true);
    };
    await Promise.all(["a", "b"].map(add));
    expect(sent).toEqual([["a", "b"], ["a"], ["b"]]);
  });

  test("do not suffer from one that the server refuses", async () => {
    const { carrier, add } = start();
    carrier.onBatch = async (batch) => {
      if (batch.some(({ name }) => name === "bad")) throw new Error("refused");
    };
    const outcomes = await Promise.allSettled(["a", "bad", "b"].map(add));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("that cannot be sent in their time are never sent", async () => {
    const { carrier, sent, add } = start(20);
    carrier.isReady = false;
    let ready = () => {};
    carrier.prepare.mockImplementation(
      () =>
        new Promise((resolve) => {
          ready = resolve;
        }),
    );
    await expect(add("late")).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    carrier.isReady = true;
    ready();
    await add("next");
    expect(sent).toEqual([["next"]]);
  });

  test("whose reply does not come are indeterminate", async () => {
    const { carrier, add } = start(20);
    carrier.onBatch = () => new Promise(() => {});
    await expect(add("a")).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
  });

  test.each([
    ["the line breaks", new Interrupted("the connection was lost", true)],
    ["the clock is in doubt", new Outdated("the deadline passed on the way")],
    ["the server then refuses", new Error("refused")],
  ])("that may have been carried out are not given up before their time is over: %s", async (_, error) => {
    const { carrier, sent, add } = start(150);
    carrier.onBatch = async () => {
      if (sent.length === 1) throw new Interrupted("the connection was lost", true);
      // Too little time is left then for another attempt.
      await new Promise((resolve) => setTimeout(resolve, 110));
      throw error;
    };
    const begun = performance.now();
    await expect(add("a")).rejects.toThrow();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(149);
  });

  test("that may have been carried out wait for their time, too, when the carrier cannot be made ready", async () => {
    const { carrier, add } = start(60);
    carrier.onBatch = async () => {
      carrier.isReady = false;
      throw new Interrupted("the connection was lost", true);
    };
    carrier.prepare.mockRejectedValue(new Error("refused"));
    const begun = performance.now();
    await expect(add("a")).rejects.toThrow("refused");
    expect(performance.now() - begun).toBeGreaterThanOrEqual(59);
  });

  test("wait in a limited number", async () => {
    const { carrier, add } = start(30_000);
    carrier.isReady = false;
    let ready = () => {};
    carrier.prepare.mockImplementation(
      () =>
        new Promise((resolve) => {
          ready = resolve;
        }),
    );
    const waiting = names(100_000).map((name) => add(name));
    await expect(add("one too many")).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    carrier.isReady = true;
    ready();
    await Promise.all(waiting);
  });
});
