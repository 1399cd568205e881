import { expect, onTestFinished, test } from "vitest";
import { startRig } from "./rig.js";

interface Event {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Data that a connection has received until now. */
async function listen(url: string, lastEventId?: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const reply = await fetch(`${url}/api/v1/events`, {
    signal: stop.signal,
    headers: lastEventId ? { "last-event-id": lastEventId } : {},
  });
  const seen = { text: "", ended: false };
  const reading = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of reply.body ?? []) seen.text += decoder.decode(chunk, { stream: true });
    } catch {
      // Breaks the connection when the caller stops.
    }
    seen.ended = true;
  })();
  const events = (): Event[] =>
    seen.text
      .split("\n\n")
      .map((block) => Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2))))
      .filter((fields) => fields.event)
      .map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) }));
  return { reply, events, reading, seen, stop: () => stop.abort() };
}

test("a new connection gets a resync, and then every change", async () => {
  const { manager, store, submit } = await startRig();
  const live = await listen(manager.url);
  expect(live.reply.headers.get("content-type")).toBe("text/event-stream");
  await expect.poll(live.events).toMatchObject([{ event: "resync" }]);

  const { id } = await submit();
  const job = await store.updateStatus(id, "downloading");
  await store.updateProgress(job, { stage: "searching", done: 1, total: 2 });
  await expect
    .poll(live.events)
    .toMatchObject([
      { event: "resync" },
      { event: "job", data: { id, status: expect.stringMatching(/pending|downloading/), version: expect.any(Number) } },
      { event: "job", data: { id, status: "downloading", version: 2 } },
      { event: "job", data: { id, status: "downloading", percent: 49, progress: { done: 1 } } },
    ]);
  expect(live.events()[1]?.data).not.toHaveProperty("history");

  await store.delete(id);
  await expect.poll(() => live.events().at(-1)).toMatchObject({ event: "deleted", data: { id } });
});

test("after a break, the connection continues without missing an event", async () => {
  const { manager, submit } = await startRig();
  const first = await listen(manager.url);
  await submit();
  await expect.poll(first.events).toHaveLength(2);
  first.stop();
  const { id: missed } = await submit({ language: "fr" });
  const second = await listen(manager.url, first.events()[1]?.id);
  await expect.poll(second.events).toMatchObject([{ event: "job", data: { id: missed } }]);
});

test("an invalid cursor begins with a resync", async () => {
  const { manager } = await startRig();
  const live = await listen(manager.url, "made-up");
  await expect.poll(live.events).toMatchObject([{ event: "resync" }]);
});

test("the connection also continues after its first event", async () => {
  const { manager, submit } = await startRig();
  const first = await listen(manager.url);
  await expect.poll(first.events).toHaveLength(1);
  first.stop();
  const { id } = await submit();
  const second = await listen(manager.url, first.events()[0]?.id);
  await expect.poll(second.events).toMatchObject([{ event: "job", data: { id } }]);
});

test("a connection without changes gets heartbeats", async () => {
  const { manager } = await startRig({ heartbeatMs: 20 });
  const live = await listen(manager.url);
  await expect.poll(() => live.seen.text.split(": still here\n\n").length).toBeGreaterThan(2);
  expect(live.events()).toHaveLength(1);
});

test("closing the manager ends the connections instead of waiting for them", async () => {
  const { manager } = await startRig();
  const live = await listen(manager.url);
  await manager.close();
  await live.reading;
  expect(live.seen.ended).toBe(true);
});

test("a connection above the limit is rejected, and the end of one allows another", async () => {
  const { manager } = await startRig({ maxStreams: 1 });
  const first = await listen(manager.url);
  expect((await listen(manager.url)).reply.status).toBe(503);
  first.stop();
  await expect.poll(async () => (await listen(manager.url)).reply.status).toBe(200);
});

test("the data that waits for a client that reads nothing is limited", async () => {
  const { manager, store, submit } = await startRig();
  const { id } = await submit();
  const job = await store.updateStatus(id, "downloading");
  const stop = new AbortController();
  const stuck = await fetch(`${manager.url}/api/v1/events`, { signal: stop.signal });
  const before = process.memoryUsage().heapUsed;
  for (let done = 0; done < 3000; done += 1) {
    await store.updateProgress(job, { stage: "x".repeat(500), done, total: 3000 });
  }
  const text = new TextDecoder();
  let seen = "";
  for await (const chunk of stuck.body ?? []) {
    seen += text.decode(chunk, { stream: true });
    if (seen.includes('"done":2999') || /fell more than/.test(seen)) break;
  }
  expect(seen.length).toBeGreaterThan(0);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  stop.abort();
});
