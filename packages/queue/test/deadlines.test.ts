import { expect, onTestFinished, test, vi } from "vitest";
import { Deadlines } from "../src/lib/rabbitmq/pending-publish.js";

function setUp() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const expired: string[] = [];
  return { expired, deadlines: new Deadlines<string>(1_000, (item) => expired.push(item)) };
}

test("each item expires after the limit, in order, unless it was deleted", () => {
  const { expired, deadlines } = setUp();
  deadlines.add("a");
  deadlines.add("b");
  vi.advanceTimersByTime(400);
  deadlines.add("c");
  deadlines.delete("a");
  vi.advanceTimersByTime(599);
  expect(expired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(expired).toEqual(["b"]);
  vi.advanceTimersByTime(399);
  expect(expired).toEqual(["b"]);
  vi.advanceTimersByTime(1);
  expect(expired).toEqual(["b", "c"]);
});

test("an item expires after the full limit even if it reuses the timer of a deleted item", () => {
  const { expired, deadlines } = setUp();
  deadlines.add("a");
  deadlines.delete("a");
  vi.advanceTimersByTime(900);
  deadlines.add("b");
  vi.advanceTimersByTime(999);
  expect(expired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(expired).toEqual(["b"]);
});

test("many items share one timer", () => {
  const { deadlines } = setUp();
  for (let n = 0; n < 100; n++) deadlines.add(`${n}`);
  expect(vi.getTimerCount()).toBe(1);
});
