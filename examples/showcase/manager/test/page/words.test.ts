import { expect, test } from "vitest";
import { addressOf, everything, filterOf } from "../../page/lib/filter.js";
import { ago, cueTime, duration, languageName, percent } from "../../page/lib/format.js";
import { languageTag } from "../../page/lib/languages.js";
import { remainingMs, roughly } from "../../page/lib/progress.js";
import { at, job } from "./a-job.js";

const start = at(0);

test("the remaining time is computed from the speed, after the first progress", () => {
  const working = (done: number, updatedAt: string) =>
    job("one", 0, { status: "translating", updatedAt, progress: { stage: "translating", done, total: 100 } });
  expect(remainingMs(working(25, at(10)))).toBe(30_000);
  expect(remainingMs(working(100, at(10)))).toBe(0);
  expect(remainingMs(working(2, at(10)))).toBeNull();
  expect(remainingMs(working(25, at(0.5)))).toBeNull();
  expect(remainingMs({ ...working(25, at(10)), status: "downloading" })).toBeNull();
  expect(remainingMs({ ...working(25, at(10)), progress: null })).toBeNull();
});

test.each([
  [0, "~1 s"],
  [7_400, "~7 s"],
  [42_000, "~40 s"],
  [95_000, "~2 min"],
  [7_200_000, "~2 h"],
])("%i ms are %s", (ms, text) => {
  expect(roughly(ms)).toBe(text);
});

test("times have a human-readable form", () => {
  const now = Date.parse(start);
  expect(ago(start, now + 10_000)).toBe("just now");
  expect(ago(start, now - 5_000)).toBe("just now");
  expect(ago(start, now + 3 * 60_000)).toBe("3 minutes ago");
  expect(ago(start, now + 26 * 3_600_000)).toBe("yesterday");
  expect([duration(12), duration(2_300), duration(125_000), duration(3_900_000)]).toEqual([
    "12 ms",
    "2.3 s",
    "2 min 5 s",
    "1 h 5 min",
  ]);
  expect(cueTime(3_723_045)).toBe("01:02:03.045");
});

test("only a complete job is at 100%", () => {
  expect([percent(0.9999), percent(1), percent(0)]).toEqual(["99%", "100%", "0%"]);
});

test("languages are read by tag and by name, and other text is shown unchanged", () => {
  expect([languageTag(" Spanish "), languageTag("pt-BR"), languageTag("klingon?")]).toEqual([
    "es",
    "pt-BR",
    "klingon?",
  ]);
  expect([languageName("es"), languageName("not a tag")]).toEqual(["Spanish", "not a tag"]);
});

test("an address becomes a filter, and a filter an address, without invalid statuses", () => {
  const filter = { ...everything, status: "failed", q: "ferry & more" } as const;
  expect(addressOf(filter)).toBe("/?status=failed&q=ferry+%26+more");
  expect(filterOf(new URLSearchParams("status=failed&q=ferry+%26+more"))).toEqual(filter);
  expect(filterOf(new URLSearchParams("status=done&x=1"))).toEqual(everything);
  expect(addressOf(everything)).toBe("/");
});
