import { once } from "node:events";
import { type Broker, createBroker, QueueError } from "@subtitles/queue";
import { memoryDriver } from "@subtitles/queue/memory";
import { expect, onTestFinished, test, vi } from "vitest";
import { consumeWhenReachable } from "../src/consume.js";
import { createLog } from "../src/log.js";
import { downloadQueue } from "../src/queues.js";

const options = { concurrency: 1, log: createLog("test", "silent") };

function startBroker(): Broker {
  const broker = createBroker({ driver: memoryDriver() });
  onTestFinished(() => broker.close());
  return broker;
}

test.each(["UNAVAILABLE", "TOPOLOGY_MISMATCH"] as const)("after %s it tries again", async (code) => {
  const broker = startBroker();
  const consume = vi.spyOn(broker, "consume").mockRejectedValueOnce(new QueueError(code, "Not now."));
  const deliver = vi.fn(async () => {});
  consumeWhenReachable(broker, downloadQueue, deliver, options);
  await broker.publish(downloadQueue, { jobId: "1" });
  await vi.waitFor(() => expect(deliver).toHaveBeenCalledTimes(1), 60_000);
  expect(consume).toHaveBeenCalledTimes(2);
});

test("closed before the broker was there, it never consumes, and does not keep anyone waiting", async () => {
  const broker = startBroker();
  const connected = new AbortController();
  const consume = broker.consume.bind(broker);
  const spy = vi.spyOn(broker, "consume").mockImplementationOnce(async (...args) => {
    await once(connected.signal, "abort");
    return consume(...args);
  });
  const deliver = vi.fn(async () => {});
  const consumer = consumeWhenReachable(broker, downloadQueue, deliver, options);
  await consumer.close();

  connected.abort();
  await spy.mock.results[0]?.value;
  await expect.poll(async () => (await broker.stats(downloadQueue)).consumers).toBe(0);
  await broker.publish(downloadQueue, { jobId: "1" });
  expect(await broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
  expect(deliver).not.toHaveBeenCalled();
});
