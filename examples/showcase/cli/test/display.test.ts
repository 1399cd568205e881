import { expect, test } from "vitest";
import { createEta } from "../src/display.js";
import type { Job } from "../src/job.js";
import { readEvents } from "../src/sse.js";

const job = (status: Job["status"], done: number): Job => ({
  id: "1",
  status,
  attempt: 1,
  videoTitle: "One",
  language: "en",
  targetLanguage: "es",
  percent: 0,
  progress: { stage: status, done, total: 100 },
  waiting: null,
  error: null,
  createdAt: "2026-01-01T00:00:00Z",
});

test("the remaining time is computed from the speed since the first report, in this stage", () => {
  let now = 0;
  const eta = createEta(() => now);
  expect(eta(job("translating", 40))).toBe(""); // The job was resumed here, so the progress before is not part of its speed.
  now = 10_000;
  expect(eta(job("translating", 50))).toBe(" · 50 s left");
  now = 20_000;
  expect(eta(job("translating", 52))).toBe(" · 80 s left");
  expect(eta(job("translating", 100))).toBe("");
  expect(eta(job("downloading", 1))).toBe("");
});

test("events are read for every division of the bytes into chunks", async () => {
  const text =
    'retry: 5\r\n\r\n: comment\n\nid: a\nevent: job\ndata: {"title":"Amélie"}\n\ndata: one\ndata: two\n\nid: b\nevent: x\n\n';
  async function* inPieces() {
    for (const byte of new TextEncoder().encode(text)) yield Uint8Array.of(byte);
  }
  const events = [];
  for await (const event of readEvents(inPieces(), () => {})) events.push(event);
  expect(events).toEqual([
    { id: "a", event: "job", data: '{"title":"Amélie"}' },
    { id: "a", event: "message", data: "one\ntwo" },
  ]);
});

test("a waiting job has no remaining time", () => {
  let now = 0;
  const eta = createEta(() => now);
  eta(job("translating", 40));
  now = 10_000;
  const waiting = { until: "2026-01-01T06:00:00Z", reason: "The quota is used up." };
  expect(eta({ ...job("translating", 50), waiting })).toBe("");
});
