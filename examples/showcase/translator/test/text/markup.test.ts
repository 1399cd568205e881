import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { breakLines } from "../../src/text/layout.js";
import { isBlank, unwrap, withoutTags } from "../../src/text/markup.js";
import { expectLinear } from "../scaling.js";

describe("unwrap", () => {
  test.each([
    ["Hello", "", "Hello", ""],
    ["<i>Hello</i>", "<i>", "Hello", "</i>"],
    ["{\\an8}<i>Hello</i>", "{\\an8}<i>", "Hello", "</i>"],
    ['<font color="#fff"><b>Hello</b></font>', '<font color="#fff"><b>', "Hello", "</b></font>"],
    ["<i>One</i>\n<i>two</i>", "<i>", "One\ntwo", "</i>"],
    ["<I>One</i>", "<I>", "One", "</i>"],
  ])("separates %j from the tags around all of it", (marked, before, text, after) => {
    expect(unwrap(marked)).toEqual({ before, text, after });
  });

  test.each([
    "<i>One</i> two",
    "One <b>two</b>",
    "<i>One</i> and <i>two</i>",
    "<i>One",
    "</i>One",
    "<i><b>One</i></b>",
  ])("does not change %j", (marked) => {
    expect(unwrap(marked)).toEqual({ before: "", text: marked, after: "" });
  });

  test("keeps every character except spaces", () => {
    const pieces = fc.constantFrom("<i>", "</i>", "<b>", "</b>", "{\\an8}", "a", " ", "\n", "<", ">", "{");
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const marked = parts.join("");
        const { before, text, after } = unwrap(marked);
        const visible = (value: string) => withoutTags(value).replaceAll(/\s/g, "");
        expect(visible(before + text + after)).toBe(visible(marked));
      }),
    );
  });

  test.each(["<i>", "<i", "</b>", "{\\", "<i>x</i>\n"])(
    "takes linear time for repetitions of %j",
    { timeout: 180_000 },
    (piece) => {
      expectLinear((length) => unwrap(piece.repeat(length / piece.length)));
    },
  );
});

describe("isBlank", () => {
  test.each(["", "  \n ", "♪", "<i></i>", "{\\an8}...", "—"])("holds for %j", (text) => {
    expect(isBlank(text)).toBe(true);
  });

  test.each(["a", "7", "♪ la ♪", "日本"])("does not hold for %j", (text) => {
    expect(isBlank(text)).toBe(false);
  });
});

describe("breakLines", () => {
  test("breaks a long text near its middle", () => {
    expect(breakLines("Debería habérmelo dicho todo hace ya mucho tiempo.")).toBe(
      "Debería habérmelo dicho\ntodo hace ya mucho tiempo.",
    );
  });

  test.each(["Short.", "- Two speakers who both have very long lines to say.\n- Yes.", "x".repeat(100)])(
    "does not change %j",
    (text) => {
      expect(breakLines(text)).toBe(text);
    },
  );

  test("changes only spaces", () => {
    fc.assert(fc.property(fc.lorem({ maxCount: 60 }), (text) => breakLines(text).replaceAll("\n", " ") === text));
  });
});
