import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn } from "./definitions.js";
import { expectRefusal, view } from "./expectations.js";
import { imported } from "./imported.js";

const cyclic: { self?: unknown } = {};
cyclic.self = [cyclic];

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

/** What JSON would drop, bend or not survive. */
const NOT_JSON: Readonly<Record<string, unknown>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "a Date": new Date(0),
  "a bigint": 1n,
  "a function": () => 1,
  "a symbol": Symbol("a"),
  "a Map": new Map([["a", 1]]),
  "a Set": new Set([1]),
  "a RegExp": /a/,
  "a typed array": new Uint8Array(2),
  "an instance of a class": new (class Point {
    x = 1;
  })(),
  "undefined in an array": [1, undefined],
  "a hole in an array": new Array(2),
  "a cycle": cyclic,
  "10,000 levels": deep(10_000),
  "an object with toJSON": { toJSON: () => "sneaky" },
  "an object with a hidden toJSON": Object.defineProperty({ a: 1 }, "toJSON", { value: () => "sneaky" }),
};

export function notJson({ test }: Context): void {
  for (const [name, value] of Object.entries(NOT_JSON)) {
    test(`${name}: is INVALID_DATA with its place, wherever it is given, and nothing changes`, async ({ store }) => {
      await jobIn(store, "working", "a");
      const before = await view(store);
      const body = { list: [value] } as never;
      const refusals = [
        store.create({ title: "One", body }, { id: "b" }),
        store.updateStatus("a", "done", { result: { url: "x", body } }),
        store.updateStatus("a", "done", { progress: { done: 1, body } }),
        store.updateProgress("a", { done: 1, body }),
        store.save(imported("b", { data: { title: "One", body } })),
      ];
      for (const refusal of refusals) {
        const { issues } = await expectRefusal(refusal, "INVALID_DATA");
        expect(issues).toEqual([{ path: expect.arrayContaining(["body", "list", 0]), message: expect.any(String) }]);
      }
      const outbox = [{ queue: "reports", payload: body }];
      const { issues } = await expectRefusal(store.updateStatus("a", "done", { outbox }), "INVALID_DATA", {
        jobId: "a",
      });
      expect(issues?.[0]?.path.slice(0, 2)).toEqual(["list", 0]);
      expect(await view(store)).toEqual(before);
    });
  }
}
