import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { liveBytes } from "../../../test/memory.js";
import { server } from "../../../test/servers/require.js";
import { defineQueue } from "../src/index.js";
import { onServer, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("memory"), () => {
  test("publishMany of 20,000 messages stores only the messages in flight", async () => {
    const { broker } = onServer(rabbitmq.url ?? "");
    const here = broker({ timeoutMs: 60_000 });
    // Classic queues need fewer resources of the server. The test does not depend on the type.
    const queue = defineQueue({ ...tasks, type: "classic" });
    const text = "x".repeat(4_000);
    const count = 20_000;
    const messages = Array.from({ length: count }, (_, n) => ({ payload: { n, text } }));
    await here.publishMany(queue, messages.slice(0, 100));

    const before = liveBytes();
    let max = 0;
    let done = false;
    const publishing = here.publishMany(queue, messages).finally(() => {
      done = true;
    });
    while (!done) {
      max = Math.max(max, liveBytes() - before);
      await pause(100);
    }
    expect((await publishing).every(({ status }) => status === "fulfilled")).toBe(true);
    // At most 1,000 messages are in flight, each as text and as bytes for the socket: about a sixth of all.
    expect(max).toBeLessThan((count * text.length) / 2);
  });
});
