import { afterEach, expect, test, vi } from "vitest";
import { newId } from "../src/lib/new-id.js";

afterEach(() => void vi.useRealTimers());

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

test("an id is a UUID v7 of the present moment", () => {
  const before = Date.now();
  const id = newId();
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(timeOf(id)).toBeGreaterThanOrEqual(before);
  expect(timeOf(id)).toBeLessThanOrEqual(Date.now());
});

test("ids are in the order of their creation, also if thousands are created in a millisecond or the clock goes back", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
  const ids = Array.from({ length: 10_000 }, newId);
  vi.setSystemTime(Date.now() - 30_000);
  ids.push(newId(), newId());
  vi.setSystemTime(Date.now() + 60_000);
  ids.push(newId());
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(timeOf(ids.at(-1) as string)).toBe(Date.now());
});

test("two processes that begin in the same millisecond differ by more than its count", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
  const random = new Set(Array.from({ length: 100 }, () => newId().slice(19)));
  expect(random.size).toBe(100);
});
