import { expect, test } from "vitest";
import { latch } from "../src/lib/contract/fixture.js";
import { visitInOrder } from "../src/lib/visiting.js";

function numbersTo(most: number) {
  let last = 0;
  return async () => (last < most ? ++last : null);
}

test("begins in order, and no more at a time than it may", async () => {
  const { opened, open: release } = latch();
  const begun: number[] = [];
  const visiting = visitInOrder(
    numbersTo(5),
    async (n) => {
      begun.push(n);
      await opened;
      return true;
    },
    3,
  );
  await expect.poll(() => begun).toEqual([1, 2, 3]);
  release();
  await visiting;
  expect(begun).toEqual([1, 2, 3, 4, 5]);
});

test.each([
  ["answers false", async () => false],
  ["fails", () => Promise.reject(new Error("no"))],
])("after a visit that %s no other is begun, and those under way end first", async (_name, answer) => {
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
