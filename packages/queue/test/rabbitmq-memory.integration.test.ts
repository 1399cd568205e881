import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { defineQueue } from "../src/index.js";
import { onServer, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("memory"), { timeout: 90_000 }, () => {
  test("publishMany of 10,000 holds what is under way, not the whole", async () => {
    const { broker } = onServer(rabbitmq.url ?? "");
    const here = broker({ timeoutMs: 60_000 });
    // The cheaper type for the server: nothing here depends on it.
    const queue = defineQueue({ ...tasks, type: "classic" });
    const text = "x".repeat(4_000);
    const count = 10_000;
    const messages = Array.from({ length: count }, (_, n) => ({ payload: { n, text } }));
    await here.publishMany(queue, messages.slice(0, 100));

    const before = liveBytes();
    let most = 0;
    let done = false;
    const publishing = here.publishMany(queue, messages).finally(() => {
      done = true;
    });
    while (!done) {
      most = Math.max(most, liveBytes() - before);
      await pause(250);
    }
    expect((await publishing).every(({ status }) => status === "fulfilled")).toBe(true);
    // A tenth of the messages may be under way: as text, and as bytes for the socket.
    expect(most).toBeLessThan((count * text.length) / 2);
  });
});

/** What is in use, and not what waits to be collected. */
function liveBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
}
