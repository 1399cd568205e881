import { expect, test } from "vitest";
import { latch } from "../src/lib/contract/fixture.js";
import { visitInOrder } from "../src/lib/visit-in-order.js";

function numbersTo(max: number) {
  let last = 0;
  return async () => (last < max ? ++last : null);
}

test("starts visits in order, at most the given number at a time", async () => {
  const { opened, open: release } = latch();
  const started: number[] = [];
  const visiting = visitInOrder(
    numbersTo(5),
    async (n) => {
      started.push(n);
      await opened;
      return true;
    },
    3,
  );
  await expect.poll(() => started).toEqual([1, 2, 3]);
  release();
  await visiting;
  expect(started).toEqual([1, 2, 3, 4, 5]);
});

test.each([
  ["returns false", async () => false],
  ["fails", () => Promise.reject(new Error("no"))],
])("after a visit that %s, no visit starts, and the running ones end first", async (_name, answer) => {
  const { opened, open: release } = latch();
  const ended: number[] = [];
  const visit = async (n: number) => {
    if (n === 2) return answer();
    await opened;
    ended.push(n);
    return true;
  };
  const visiting = visitInOrder(numbersTo(9), visit, 2).catch(String);
  release();
  expect(await visiting).toBe(_name === "fails" ? "Error: no" : undefined);
  expect(ended.length).toBeLessThan(3);
  expect(ended[0]).toBe(1);
});
