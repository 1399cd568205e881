import { expect, test } from "vitest";
import { canonicalTag, languageFit } from "../src/language.js";

test.each([
  ["ES-es", "es-ES"],
  ["spa", "es"],
  ["pt_br", "pt-BR"],
  [" zh-hant ", "zh-Hant"],
  ["no tag", null],
  ["", null],
])("%j is the language %s", (text, tag) => {
  expect(canonicalTag(text)).toBe(tag);
});

test.each([
  ["en", "en", 2],
  ["en", "en-GB", 1],
  ["en-GB", "en", 1],
  ["pt-BR", "pt-PT", 0],
  ["de", "en", 0],
  ["zh-Hans", "zh-CN", 2],
  ["zh-Hant", "zh-TW", 2],
  ["zh-Hant", "zh-HK", 1],
  ["zh", "zh-Hans", 1],
  ["zh-Hans", "zh-TW", 0],
  ["zh-CN", "zh-TW", 0],
  ["zh-HK", "zh-TW", 1],
  ["en-GB", "en-US", 0],
  ["no", "nb", 2],
  ["nb-NO", "no", 1],
  ["nb", "nn", 0],
  ["en-US", "en", 1],
  ["es-MX", "es", 1],
  ["fr-CA", "fr", 1],
  ["sr-Latn", "sr", 1],
  ["sr-Latn-RS", "sr-Latn", 2],
  ["sr-Latn", "sr-Cyrl", 0],
  ["de-1996", "de", 1],
] as const)("a request for %s fits a subtitle in %s with %i, and the reverse", (asked, has, fit) => {
  expect([languageFit(has, asked), languageFit(asked, has)]).toEqual([fit, fit]);
});
