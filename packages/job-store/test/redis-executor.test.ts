import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { JobStoreError, type StoreEvent } from "../src/index.js";
import { unavailable } from "../src/lib/errors.js";
import { Call, type CommandKind, type ServerState } from "../src/lib/redis/call-queue.js";
import { RedisConnection } from "../src/lib/redis/connection.js";
import { Executor } from "../src/lib/redis/executor.js";
import { RetryableError } from "../src/lib/redis/redis-errors.js";
import { ReplicaAcks } from "../src/lib/redis/replica-acks.js";

class NamedCall extends Call<string> {
  constructor(
    readonly name: string,
    size = 0,
    group?: string,
    key?: string,
  ) {
    super(size, group, key);
  }
}

/** A client of ioredis that is connected to nothing. */
function startClient(status: "connecting" | "ready") {
  return Object.assign(new EventEmitter(), { status, isCluster: false, options: {}, disconnect: () => {} });
}

/** An executor on such a client, and a kind of calls whose batches are recorded and answered by `onBatch`. */
function start(timeoutMs = 2000) {
  const client = startClient("ready");
  const connection = new RedisConnection(client as unknown as Redis, () => {});
  const state = {
    ready: true as boolean,
    isReady: (): boolean => state.ready,
    prepare: vi.fn(async () => {}),
    invalidateScripts: vi.fn(),
    isPartlyApplied: () => false,
    toError: (error: unknown) => error,
  } satisfies ServerState & { ready: boolean };
  const executor = new Executor(connection, timeoutMs, state);
  const sent: string[][] = [];
  const kind = {
    requirement: "write" as const,
    minBatch: 16,
    maxBatch: 64,
    onBatch: async (_: readonly NamedCall[]): Promise<void> => {},
    send: async (batch: readonly NamedCall[]) => {
      sent.push(batch.map(({ name }) => name));
      await kind.onBatch(batch);
      for (const call of batch) call.resolve(call.name);
    },
    toError: (error: unknown) => error,
  } satisfies CommandKind<NamedCall> & { onBatch: unknown };
  const queue = executor.queue(kind);
  const addCall = (call: NamedCall) => {
    queue.add(call);
    return call.promise;
  };
  const add = (name: string) => addCall(new NamedCall(name));
  /** Makes the next preparation wait until the returned function is called. */
  const holdPreparation = () => {
    let ready = () => {};
    const prepared = new Promise<void>((resolve) => {
      ready = resolve;
    });
    state.ready = false;
    state.prepare.mockImplementation(() => prepared);
    return () => {
      state.ready = true;
      ready();
    };
  };
  return { client, executor, state, kind, sent, add, addCall, holdPreparation };
}

function useFakeTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Follows a promise: whether it has settled. */
function follow(promise: Promise<unknown>) {
  const followed = { settled: false };
  promise.then(
    () => {
      followed.settled = true;
    },
    () => {
      followed.settled = true;
    },
  );
  return followed;
}

/** A reply of the server that is an error. */
function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}

const names = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);
const lost = () => new RetryableError("the connection was lost", "lost");

describe("batched calls", () => {
  test("of one tick share a batch, including those of its promise callbacks", async () => {
    const { sent, add } = start();
    const later = Promise.resolve().then(() => add("c"));
    await Promise.all([add("a"), add("b"), later]);
    expect(sent).toEqual([["a", "b", "c"]]);
  });

  test("of different ticks do not wait for each other", async () => {
    const { sent, add } = start();
    await add("a");
    await add("b");
    expect(sent).toEqual([["a"], ["b"]]);
  });

  test("are sent a quarter at a time, within the limits of their kind, in order", async () => {
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

  test("share a batch up to its size in characters", async () => {
    const { sent, addCall } = start();
    await Promise.all(["a", "b", "c"].map((name) => addCall(new NamedCall(name, 131_072))));
    expect(sent).toEqual([["a", "b"], ["c"]]);
  });

  test("keep their order when they are sent again", async () => {
    const { kind, sent, add } = start();
    let left = 4;
    kind.onBatch = async () => {
      if (left-- > 0) throw new RetryableError("the metadata has changed", "stale");
    };
    await Promise.all(names(100).map(add));
    expect(sent.slice(4).flat()).toEqual(names(100));
  });

  test("are sent again alone if they may have been applied", async () => {
    const { kind, sent, add } = start();
    let failed = false;
    kind.onBatch = async () => {
      if (failed) return;
      failed = true;
      throw lost();
    };
    await Promise.all(["a", "b"].map(add));
    expect(sent).toEqual([["a", "b"], ["a"], ["b"]]);
  });

  test("are sent again alone, in order, after the connection was lost with several batches in flight", async () => {
    const { client, kind, state, sent, add, holdPreparation } = start();
    kind.onBatch = () => new Promise(() => {});
    const calls = names(40).map(add);
    await vi.waitFor(() => expect(sent.map(({ length }) => length)).toEqual([16, 16, 8]));
    const continueSending = holdPreparation();
    client.emit("close");
    kind.onBatch = async () => {};
    client.emit("ready");
    continueSending();
    expect(await Promise.all(calls)).toEqual(names(40));
    expect(state.prepare).toHaveBeenCalledOnce();
    expect(sent.slice(3)).toEqual(names(40).map((name) => [name]));
  });

  test("are not affected by one that the server rejects", async () => {
    const { kind, add } = start();
    kind.onBatch = async (batch) => {
      if (batch.some(({ name }) => name === "bad")) throw replyError("ERR rejected");
    };
    const outcomes = await Promise.allSettled(["a", "bad", "b"].map(add));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("are sent again if the server lost its scripts, and it is prepared first", async () => {
    const { kind, state, sent, add } = start();
    kind.onBatch = async () => {
      if (sent.length > 1) return;
      state.ready = false;
      throw replyError("NOSCRIPT No matching script.");
    };
    expect(await Promise.all(["a", "b"].map(add))).toEqual(["a", "b"]);
    expect(state.invalidateScripts).toHaveBeenCalledOnce();
    expect(state.prepare).toHaveBeenCalledOnce();
    expect(sent).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  test("on one key wait while an earlier one is in flight, and other calls do not", async () => {
    const { kind, sent, addCall } = start();
    const replies: (() => void)[] = [];
    kind.onBatch = () => new Promise((resolve) => void replies.push(resolve));
    const tick = async (...calls: string[]) => {
      const added = calls.map((name) => addCall(new NamedCall(name, 0, "", name.slice(0, 1))));
      await new Promise(setImmediate);
      return added;
    };
    const added = [...(await tick("a1", "a2", "b1")), ...(await tick("c1", "a3")), ...(await tick("a4", "b2", "d1"))];
    expect(sent).toEqual([["a1", "b1"], ["c1"], ["d1"]]);
    replies[0]?.();
    await vi.waitFor(() => expect(sent.slice(3)).toEqual([["a2"], ["b2"]]));
    replies[3]?.();
    await vi.waitFor(() => expect(sent.slice(5)).toEqual([["a3"]]));
    replies[5]?.();
    await vi.waitFor(() => expect(sent.slice(6)).toEqual([["a4"]]));
    for (const reply of replies) reply();
    await Promise.all(added);
  });

  test("on one key are not kept after they are settled, though others always wait", async () => {
    const { kind, addCall } = start();
    kind.onBatch = () => new Promise(setImmediate);
    const settled: WeakRef<NamedCall>[] = [];
    const waiting: Promise<string>[] = [];
    for (const name of names(20)) {
      const call = new NamedCall(name, 0, "", "key");
      waiting.push(addCall(call));
      if (waiting.length < 3) continue;
      await waiting.shift();
      settled.push(new WeakRef(call));
    }
    // One call stays in flight, and one waits for it.
    kind.onBatch = () => new Promise(() => {});
    for (const call of waiting) call.catch(() => {});
    await new Promise(setImmediate);
    globalThis.gc?.();
    expect(settled.slice(0, 10).map((ref) => ref.deref()?.name)).toEqual(Array(10).fill(undefined));
  });

  test("that a batch did not reach are sent in the next one", async () => {
    const { kind, sent, addCall } = start();
    kind.send = async (batch) => {
      sent.push(batch.map(({ name }) => name));
      await new Promise(setImmediate);
      for (const call of batch.slice(0, 5)) call.resolve(call.name);
    };
    await Promise.all(names(16).map((name) => addCall(new NamedCall(name, 0, "", `job ${name}`))));
    expect(sent.map(([first]) => first)).toEqual(["0", "5", "10", "15"]);
  });

  test("that are never sent in time fail as not applied, and are not sent later", async () => {
    const { sent, add, holdPreparation } = start(20);
    const continueSending = holdPreparation();
    await expect(add("late")).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    continueSending();
    await add("next");
    expect(sent).toEqual([["next"]]);
  });

  test("without a reply in time are indeterminate", async () => {
    const { kind, add } = start(20);
    kind.onBatch = () => new Promise(() => {});
    await expect(add("a")).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
  });

  test.each([
    ["the connection is lost", () => lost()],
    ["the deadline passed by the server's clock", () => new RetryableError("the deadline passed on the way", "stale")],
    ["the server then rejects them", () => replyError("ERR rejected")],
  ])("that may have been applied do not fail before their time is over: %s", async (_, error) => {
    useFakeTime();
    const { kind, sent, add } = start(150);
    kind.onBatch = async () => {
      if (sent.length === 1) throw lost();
      // Then too little time is left for another attempt.
      await new Promise((resolve) => setTimeout(resolve, 110));
      throw error();
    };
    const call = add("a");
    const outcome = follow(call);
    await vi.advanceTimersByTimeAsync(149);
    expect(sent).toEqual([["a"], ["a"]]);
    expect(outcome.settled).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    await expect(call).rejects.toThrow();
  });

  test("that may have been applied do not fail before their time is over if the server cannot be prepared", async () => {
    useFakeTime();
    const { kind, state, add } = start(60);
    kind.onBatch = async () => {
      state.ready = false;
      throw lost();
    };
    state.prepare.mockRejectedValue(new Error("refused"));
    const call = add("a");
    const outcome = follow(call);
    await vi.advanceTimersByTimeAsync(59);
    expect(state.prepare).toHaveBeenCalled();
    expect(outcome.settled).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    await expect(call).rejects.toThrow("refused");
  });

  test.each([
    ["UNAVAILABLE", unavailable("It has no clock.", false)],
    ["INVALID_ARGUMENT", new JobStoreError("INVALID_ARGUMENT", "It has no clock.")],
  ])(
    "that may have been applied are indeterminate, and the others not, if the preparation ends with %s",
    async (_, error) => {
      useFakeTime();
      const { kind, state, addCall } = start(60);
      kind.onBatch = async () => {
        state.ready = false;
        throw lost();
      };
      state.prepare.mockRejectedValue(error);
      // The second call waits for the first one.
      const [sent, unsent] = [
        addCall(new NamedCall("sent", 0, "", "key")),
        addCall(new NamedCall("unsent", 0, "", "key")),
      ];
      follow(sent);
      follow(unsent);
      await vi.advanceTimersByTimeAsync(61);
      const message =
        "It has no clock. The change may have been applied once, and will not be applied later. Read the job to find out.";
      await expect(sent).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: true, message });
      await expect(unsent).rejects.toBe(error);
    },
  );

  test("wait in a limited number", async () => {
    const { add, holdPreparation } = start(30_000);
    const continueSending = holdPreparation();
    const waiting = names(100_000).map(add);
    await expect(add("one too many")).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    continueSending();
    await Promise.all(waiting);
  });
});

describe("batched calls of several groups", () => {
  /** Adds calls written as "<group><key>", and returns the batches in the order in which they were sent. */
  async function batchesOf(...calls: string[]): Promise<readonly string[][]> {
    const { sent, addCall } = start();
    await Promise.all(calls.map((name) => addCall(new NamedCall(name, 0, name.slice(0, 1), name.slice(1)))));
    return sent;
  }

  test("share a batch with the calls of their group", async () => {
    expect(await batchesOf("c1", "m2", "c3", "m4")).toEqual([
      ["c1", "c3"],
      ["m2", "m4"],
    ]);
  });

  test("keep their order on one key", async () => {
    expect(await batchesOf("c1", "c1", "m1", "m1", "d1", "c1")).toEqual([
      ["c1"],
      ["c1"],
      ["m1"],
      ["m1"],
      ["d1"],
      ["c1"],
    ]);
    // The second call on key 2 must not go in front of the first.
    expect(await batchesOf("c1", "m2", "c2", "c3", "m4")).toEqual([["c1"], ["m2", "m4"], ["c3"], ["c2"]]);
  });

  test("keep their order on one key, whatever they are and however often a batch fails", async () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const { kind, addCall } = start();
    const done: NamedCall[] = [];
    let failures = 20;
    kind.send = async (batch) => {
      expect(new Set(batch.map(({ group }) => group)).size).toBe(1);
      if (failures-- > 0) throw failures % 2 === 0 ? lost() : new RetryableError("stale", "stale");
      for (const call of batch) {
        done.push(call);
        call.resolve(call.name);
      }
    };
    const calls = names(500).map((name) => new NamedCall(name, 0, `${random(4)}`, `${random(40)}`));
    await Promise.all(calls.map(addCall));
    for (const key of names(40)) {
      const ofKey = (all: readonly NamedCall[]) => all.filter(({ orderKey }) => orderKey === key);
      expect(ofKey(done).map(({ name }) => name)).toEqual(ofKey(calls).map(({ name }) => name));
    }
  });
});

describe("single commands", () => {
  test("are sent at once", async () => {
    const { executor } = start();
    const command = vi.fn(async () => "reply");
    const call = executor.run("metadata", command);
    expect(command).toHaveBeenCalledOnce();
    expect(await call).toBe("reply");
  });

  test("are sent once the requirement is met", async () => {
    const { executor, holdPreparation } = start();
    const continueSending = holdPreparation();
    const command = vi.fn(async () => "reply");
    const call = executor.run("metadata", command);
    expect(command).not.toHaveBeenCalled();
    continueSending();
    expect(await call).toBe("reply");
  });

  test("are repeated after the connection was lost", async () => {
    const { client, executor, holdPreparation } = start();
    let attempts = 0;
    const call = executor.run("metadata", () => {
      attempts++;
      return attempts === 1 ? new Promise<string>(() => {}) : Promise.resolve("reply");
    });
    const continueSending = holdPreparation();
    client.emit("close");
    client.emit("ready");
    continueSending();
    expect(await call).toBe("reply");
    expect(attempts).toBe(2);
  });

  test("are repeated after a pause while the server is busy", async () => {
    useFakeTime();
    const { executor } = start();
    const attempts: number[] = [];
    const call = executor.run("metadata", async () => {
      attempts.push(performance.now());
      if (attempts.length < 3) throw replyError("LOADING Redis is loading the dataset in memory");
      return "reply";
    });
    await vi.advanceTimersByTimeAsync(200);
    expect(await call).toBe("reply");
    expect(attempts.map((at) => at - (attempts[0] ?? 0))).toEqual([0, 50, 100]);
  });

  test("without a reply in time are indeterminate", async () => {
    const { executor } = start(20);
    const call = executor.run("write", () => new Promise(() => {}));
    await expect(call).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
  });

  test("end at their own time, also if it is before that of earlier calls", async () => {
    useFakeTime();
    const { executor } = start(60_000);
    const hang = () => new Promise(() => {});
    const later = follow(executor.run("metadata", hang));
    const earlier = follow(executor.run("metadata", hang, { end: performance.now() + 100 }));
    await vi.advanceTimersByTimeAsync(101);
    expect([later.settled, earlier.settled]).toEqual([false, true]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(later.settled).toBe(true);
  });

  test("end with the first error, as ioredis reports it, if they are not to be repeated", async () => {
    const { executor } = start();
    const error = replyError("LOADING Redis is loading the dataset in memory");
    const command = vi.fn(() => Promise.reject(error));
    await expect(executor.query(command, { retries: false })).rejects.toBe(error);
    expect(command).toHaveBeenCalledOnce();
  });

  test("do not wait for batched calls, which may have to wait", async () => {
    const { add, executor, holdPreparation } = start();
    const continueSending = holdPreparation();
    const waiting = add("a");
    await new Promise(setImmediate);
    const { state } = executor;
    vi.spyOn(state, "isReady").mockImplementation((requirement) => requirement === "connection");
    expect(await executor.query(async () => "reply")).toBe("reply");
    vi.mocked(state.isReady).mockReturnValue(true);
    continueSending();
    await waiting;
  });
});

test("a connection that was closed while it opened does not report that it is open", () => {
  const events: StoreEvent[] = [];
  const client = startClient("connecting");
  const connection = new RedisConnection(client as unknown as Redis, (event) => events.push(event));
  connection.close();
  client.emit("ready");
  expect(events).toEqual([]);
  expect(connection.isOpen).toBe(false);
});

test("replicas that are asked on a new connection do not confirm changes of the one that was lost", async () => {
  const waits: ((acks: number) => void)[] = [];
  const client = Object.assign(startClient("ready"), {
    stream: { cork: () => {}, uncork: () => {} },
    call: (name: string) =>
      name === "wait" ? new Promise<number>((resolve) => void waits.push(resolve)) : Promise.resolve(0),
  });
  const connection = new RedisConnection(client as unknown as Redis, () => {});
  const executor = new Executor(connection, 2000, null);
  const acks = new ReplicaAcks(executor, connection, "key", { count: 1, timeoutMs: 2000 });
  const end = performance.now() + 60_000;
  const first = expect(acks.confirm(end, false)).rejects.toThrow(RetryableError);
  await vi.waitFor(() => expect(waits).toHaveLength(1));
  // WAIT is sent for the second change after the reply for the first, and so on another connection.
  const second = expect(acks.confirm(end, false)).rejects.toThrow(RetryableError);
  client.emit("close");
  client.emit("ready");
  await first;
  await vi.waitFor(() => expect(waits).toHaveLength(2));
  waits[1]?.(1);
  await second;
});
