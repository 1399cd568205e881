import fc from "fast-check";
import { expect, test } from "vitest";
import { toHtml } from "../../src/providers/html.js";
import { translationsIn } from "../../src/providers/openai/lines.js";
import { expectLinear } from "../scaling.js";
import { cuesOf, PAIR } from "./stub.js";

test("an unchanged answer restores the text", () => {
  const pieces = fc.constantFrom(
    "<i>",
    "</i>",
    "<v Ann>",
    "<00:01.000>",
    "{\\an8}",
    "a",
    " ",
    "\n",
    "<",
    ">",
    "&",
    "&amp;",
    "{",
  );
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const text = parts.join("");
      const { html, restore } = toHtml(text);
      expect(restore(html)).toBe(text);
    }),
  );
});

test.each(["<", "<i", "&", "{\\", "<b id=", '<b id="t0">'])(
  "untrusted lines of %j take linear time",
  { timeout: 180_000 },
  (piece) => {
    expectLinear((length) => {
      const { html, restore } = toHtml(piece.repeat(length / piece.length));
      restore(html);
    });
  },
);

test.each(["{", '{"translations":[', "[", "\\", '{"', '{"id":1,"text":"', '"{', "<think>", "</think>"])(
  "an untrusted answer of %j takes linear time",
  { timeout: 180_000 },
  (piece) => {
    expectLinear((length) => translationsIn(piece.repeat(length / piece.length), cuesOf("One"), PAIR));
  },
);
