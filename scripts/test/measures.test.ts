import { expect, test } from "vitest";
import {
  complaintsAboutLengths,
  complaintsAboutTemplates,
  filledLines,
  isTemplate,
  oversizedTemplates,
} from "../dev/measures.mjs";

test("files of up to 450 lines with a median of 100 to 180 lines are accepted", () => {
  expect(complaintsAboutLengths("src", new Map(Object.entries({ "a.ts": 20, "b.ts": 100, "c.ts": 450 })))).toEqual([]);
  expect(complaintsAboutLengths("src", new Map(Object.entries({ "a.ts": 100, "b.ts": 260 })))).toEqual([]);
});

test.each(["a.ts", "a.lua"])("a longer file is reported with its length: %s", (file) => {
  const lengths = new Map(Object.entries({ [file]: 451, "b.ts": 120, "c.ts": 110 }));
  expect(complaintsAboutLengths("packages/queue/src", lengths)).toEqual([
    `packages/queue/src/${file}: 451 lines, more than the maximum of 450. Split it.`,
  ]);
});

test("a median out of range is reported with the action to take, and Lua scripts do not count", () => {
  const short = { "a.ts": 98, "b.ts": 101, "c.ts": 10, "d.ts": 300, "e.lua": 200, "f.lua": 200 };
  expect(complaintsAboutLengths("src", new Map(Object.entries(short)))).toEqual([
    "src: the median file has 99.5 lines, not 100 to 180. Merge files that are read together.",
  ]);
  expect(complaintsAboutLengths("src", new Map(Object.entries({ "a.ts": 181 })))).toEqual([
    "src: the median file has 181 lines, not 100 to 180. Split files.",
  ]);
});

test("the templates keep to their length", { timeout: 30_000 }, async () => {
  expect(await oversizedTemplates()).toEqual([]);
  expect(complaintsAboutTemplates(1_800)).toEqual([]);
  expect(complaintsAboutTemplates(1_801)).toEqual([
    expect.stringContaining("1801 lines, more than the maximum of 1800"),
  ]);
});

test("the code of the templates counts, without blank lines; tests, samples and the showcase do not", () => {
  expect(["examples/start.ts", "examples/manager/page/index.html"].filter(isTemplate)).toHaveLength(2);
  const others = [
    "examples/manager/test/api.test.ts",
    "examples/showcase/cli/src/api.ts",
    "examples/samples/a.ts",
    "examples/README.md",
  ];
  expect(others.filter(isTemplate)).toEqual([]);
  expect(filledLines("one\n\n  \ntwo\n")).toBe(2);
});
