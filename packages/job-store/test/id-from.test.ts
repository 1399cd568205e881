import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idFrom, JobStoreError } from "../src/index.js";

/** Returns the id by its definition, from the canonical JSON of the content. */
const idOfText = (canonical: string) =>
  createHash("sha256").update(canonical).digest().subarray(0, 16).toString("base64url");

describe("idFrom", () => {
  test.each([
    ["a text", "subtitle", '"subtitle"'],
    ["null", null, "null"],
    ["an empty object", {}, "{}"],
    [
      "an object whose keys are in another order",
      { b: 1, a: { d: [true], c: null } },
      '{"a":{"c":null,"d":[true]},"b":1}',
    ],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [
      "keys in the order of UTF-16 code units",
      { "\ufb33": 1, "\u{1f600}": 2, "10": 3, "9": 4, ö: 5 },
      '{"10":3,"9":4,"ö":5,"\u{1f600}":2,"\ufb33":1}',
    ],
    ["undefined members", { a: undefined, b: { c: undefined } }, '{"b":{}}'],
    ["-0", [-0, 0], "[0,0]"],
    ["numbers in the form of JavaScript", [1e21, 1e-7, 0.1, 1 / 3], "[1e+21,1e-7,0.1,0.3333333333333333]"],
    ["escapes", "\u20ac$\u000f\nA'B\"\\/", '"€$\\u000f\\nA\'B\\"\\\\/"'],
    ["half of a surrogate pair", ["\ud800", "\udead"], '["\\ud800","\\udead"]'],
  ])("hashes %s as canonical JSON", (_, content, canonical) => {
    expect(idFrom(content)).toBe(idOfText(canonical));
  });

  test("never changes: ids of earlier releases are stored", () => {
    expect(idFrom({ videoUrl: "https://example.org/v/1", language: "en" })).toBe("WJrfz4zbFt85N_5Jx73nKg");
  });

  test("contents of any length have the hash of SHA-256", () => {
    for (let length = 0; length < 200; length++) {
      const text = "é".repeat(length);
      expect(idFrom(text)).toBe(idOfText(JSON.stringify(text)));
    }
  });

  test("equal contents have equal ids, and different ones do not", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(idFrom(a)).toMatch(/^[A-Za-z0-9_-]{22}$/);
        expect(idFrom(reversed(a))).toBe(idFrom(a));
        expect(idFrom(a) === idFrom(b)).toBe(isDeepStrictEqual(stored(a), stored(b)));
      }),
    );
    expect(idFrom([1, 2])).not.toBe(idFrom([2, 1]));
    expect(idFrom("1")).not.toBe(idFrom(1));
    expect(idFrom({})).not.toBe(idFrom([]));
    expect(idFrom("\ud800")).not.toBe(idFrom("\ufffd"));
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const deep = JSON.parse(`${"[".repeat(600)}${"]".repeat(600)}`);
  const refused: readonly (readonly [string, unknown, string])[] = [
    ["a Date", { at: new Date(0) }, "content.at"],
    ["NaN", [1, Number.NaN], "content[1]"],
    ["infinity", Number.POSITIVE_INFINITY, "content"],
    ["a cycle", cycle, "content.self"],
    ["a function", { run: () => 1 }, "content.run"],
    ["a bigint", 1n, "content"],
    ["a symbol", Symbol("x"), "content"],
    ["undefined", undefined, "content"],
    ["undefined in a list", [undefined], "content[0]"],
    ["a Map", new Map(), "content"],
    ["an object with toJSON", { toJSON: () => 1 }, "content"],
    ["too many levels", deep, "content[0]"],
  ];
  test.each(refused)("refuses %s", (_, content, place) => {
    try {
      idFrom(content);
    } catch (error) {
      expect(JobStoreError.is(error, "INVALID_ARGUMENT")).toBe(true);
      expect(String(error)).toContain(`\`${place}`);
      return;
    }
    expect.fail("the content was accepted");
  });
});

/** Returns the value as a store returns it. */
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Returns an equal value whose objects have their keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
