import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JobStoreError } from "../src/index.js";
import { toJson } from "../src/lib/json.js";

/** Returns a value without the properties that JSON omits. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  const present = Object.entries(value).filter(([, child]) => child !== undefined);
  return Object.fromEntries(present.map(([key, child]) => [key, withoutUndefined(child)]));
}

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
});

describe("toJson", () => {
  test("accepts every JSON value, and its text is read as the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, stringUnit: "binary" }), (value) => {
        expect(JSON.parse(toJson(value, "data"))).toStrictEqual(withoutUndefined(value));
      }),
    );
  });

  test("rejects every value that would not be read as the same value", () => {
    fc.assert(
      fc.property(anything, (value) => {
        let text: string;
        try {
          text = toJson(value, "data");
        } catch (error) {
          expect(JobStoreError.is(error, "INVALID_DATA") && error.issues?.length).toBe(1);
          return;
        }
        expect(JSON.parse(text)).toStrictEqual(withoutUndefined(value));
      }),
    );
  });

  test("returns text without line breaks, because a record is read line by line", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        expect(toJson(value, "data")).not.toMatch(/[\n\r]/);
      }),
    );
  });

  test("reports the path of a rejected value", () => {
    const value = { pages: [{ title: "a" }, { title: "b", at: new Date(0) }] };
    const refused = expect.objectContaining({
      message: "`data.pages[1].at` is a Date, which JSON cannot represent.",
      issues: [{ path: ["pages", 1, "at"], message: "is a Date, which JSON cannot represent" }],
    });
    expect(() => toJson(value, "data")).toThrow(refused);
  });

  test("reports the path of a value that contains itself, and the first eight steps of a path that is too deep", () => {
    const pages: unknown[] = [];
    const data = { pages };
    pages.push(data);
    expect(() => toJson(data, "data")).toThrow("`data.pages[0]` contains itself.");
    let deep: unknown = null;
    for (let level = 0; level <= 500; level++) deep = { a: deep };
    expect(() => toJson(deep, "data")).toThrow("`data.a.a.a.a.a.a.a.a` is nested deeper than 500 levels.");
    let allowed: unknown = null;
    for (let level = 0; level < 500; level++) allowed = [allowed];
    expect(toJson(allowed, "data")).toBe(JSON.stringify(allowed));
  });
});
