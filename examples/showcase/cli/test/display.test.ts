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

test("the time left goes by how fast it went since it was first seen, in this stage", () => {
  let now = 0;
  const eta = createEta(() => now);
  expect(eta(job("translating", 40))).toBe(""); // resumed there: that says nothing about its speed
  now = 10_000;
  expect(eta(job("translating", 50))).toBe(" · 50 s left");
  now = 20_000;
  expect(eta(job("translating", 52))).toBe(" · 80 s left");
  expect(eta(job("translating", 100))).toBe("");
  expect(eta(job("downloading", 1))).toBe("");
});

test("events are read however the bytes arrive", async () => {
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

test("a job that waits has no time left to tell", () => {
  let now = 0;
  const eta = createEta(() => now);
  eta(job("translating", 40));
  now = 10_000;
  const waiting = { until: "2026-01-01T06:00:00Z", reason: "The quota is used up." };
  expect(eta({ ...job("translating", 50), waiting })).toBe("");
});
