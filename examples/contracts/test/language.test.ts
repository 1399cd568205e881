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
  ["en", "eng", 0],
  ["de", "en", 0],
] as const)("who wants %s is served by %s: %i", (asked, has, fit) => {
  expect(languageFit(has, asked)).toBe(fit);
});
