import fc from "fast-check";
import { parseSync } from "subtitle";
import { describe, expect, test } from "vitest";
import type { Cue } from "../../src/subtitle/cue.js";
import { SubtitleFormatError } from "../../src/subtitle/errors.js";
import { formatSrt, parseSrt } from "../../src/subtitle/srt.js";
import { isMeantAsTimeLine } from "../../src/subtitle/time-line.js";

const TIMES = "00:00:01,000 --> 00:00:02,000";
const textsOf = (source: string) => parseSrt(source).map(({ text }) => text);
const indexesOf = (source: string) => parseSrt(source).map(({ index }) => index);

describe("parseSrt", () => {
  test("reads index, times, settings and lines", () => {
    const source = "7\n01:02:03,456 --> 01:02:05,000 X1:201 X2:516 Y1:397 Y2:423\nTwo\nlines\n";
    expect(parseSrt(source)).toEqual([
      { index: 7, startMs: 3_723_456, endMs: 3_725_000, settings: "X1:201 X2:516 Y1:397 Y2:423", text: "Two\nlines" },
    ]);
  });

  test.each([
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
    ["CRLF written through text mode twice", "\r\r\n"],
  ])("reads %s line ends", (_name, end) => {
    const source = ["1", TIMES, "One", "more", "", "2", TIMES, "Two", ""].join(end);
    expect(textsOf(source)).toEqual(["One\nmore", "Two"]);
  });

  test("skips a byte order mark", () => {
    expect(indexesOf(`\uFEFF5\n${TIMES}\nText\n`)).toEqual([5]);
  });

  test.each([
    ["a dot", "00:00:01.500 --> 00:00:02.000", 1500],
    ["one digit for the hours", "0:00:01,500 --> 0:00:02,000", 1500],
    ["no hours", "00:01,500 --> 00:02,000", 1500],
    ["half a second as ,5", "00:00:01,5 --> 00:00:02,000", 1500],
    ["microseconds", "00:00:01,500250 --> 00:00:02,000000", 1500],
    ["no fraction", "00:00:01 --> 00:00:02", 1000],
    ["no spaces", "00:00:01,500-->00:00:02,000", 1500],
    ["a hundred hours", "100:00:00,000 --> 100:00:01,000", 360_000_000],
  ])("reads times with %s", (_name, line, startMs) => {
    expect(parseSrt(`1\n${line}\nText\n`)).toMatchObject([{ startMs, text: "Text" }]);
  });

  test("numbers the cues itself if an index is missing", () => {
    expect(parseSrt(`${TIMES}\nOne\n\n9\n${TIMES}\nTwo\n`)).toMatchObject([
      { index: 1, text: "One" },
      { index: 2, text: "Two" },
    ]);
  });

  test("numbers the cues itself if an index repeats or decreases", () => {
    expect(indexesOf(`1\n${TIMES}\nA\n\n1\n${TIMES}\nB\n\n3\n${TIMES}\nC\n`)).toEqual([1, 2, 3]);
    expect(indexesOf(`4\n${TIMES}\nA\n\n2\n${TIMES}\nB\n`)).toEqual([1, 2]);
  });

  test("keeps the gaps of increasing indexes", () => {
    expect(indexesOf(`2\n${TIMES}\nA\n\n5\n${TIMES}\nB\n`)).toEqual([2, 5]);
  });

  test("adds text after a blank line to the cue", () => {
    expect(textsOf(`1\n${TIMES}\nOne\n\nstill one\n\n2\n${TIMES}\nTwo\n`)).toEqual(["One\n\nstill one", "Two"]);
  });

  test("finds the next cue without a blank line before it", () => {
    expect(textsOf(`1\n${TIMES}\nOne\n2\n${TIMES}\nTwo\n`)).toEqual(["One", "Two"]);
  });

  test("keeps a number that is text", () => {
    expect(textsOf(`1\n${TIMES}\n1984\n\n2\n${TIMES}\nTwo\n`)).toEqual(["1984", "Two"]);
  });

  test("keeps blank cues", () => {
    expect(textsOf(`1\n${TIMES}\n\n2\n${TIMES}\n  \n\n3\n${TIMES}\nThree\n`)).toEqual(["", "", "Three"]);
  });

  test("keeps an arrow that is text", () => {
    expect(textsOf(`1\n${TIMES}\nthis way --> out\n`)).toEqual(["this way --> out"]);
  });

  test.each(["", "\n\n", "Just a text\nof two lines", "WEBVTT\n"])("rejects %j, which has no cue", (source) => {
    expect(() => parseSrt(source)).toThrow(SubtitleFormatError);
  });

  test("rejects a damaged time line with the number of the line, and without the text", () => {
    const source = `1\n${TIMES}\nSecret\n\n2\n00:00:03,000 --> 00:0x:04,000\nTwo\n`;
    expect(() => parseSrt(source)).toThrow(expect.objectContaining({ code: "SUBTITLE_FORMAT", line: 6 }));
    expect(() => parseSrt(source)).not.toThrow(/Secret/);
  });
});

const line = fc.string({ unit: "binary" }).filter((text) => !/[\r\n\uFEFF]/.test(text) && !isMeantAsTimeLine(text));
const cues: fc.Arbitrary<readonly Cue[]> = fc
  .array(
    fc.record({
      startMs: fc.nat(359_999_999),
      endMs: fc.nat(359_999_999),
      settings: line.map((text) => text.trim()),
      text: fc.array(line).map(withoutOuterBlankLines),
    }),
    { minLength: 1 },
  )
  .chain((parts) =>
    fc
      .array(fc.integer({ min: 1, max: 1000 }), { minLength: parts.length, maxLength: parts.length })
      .map((steps) => parts.map((part, at) => ({ ...part, index: sum(steps.slice(0, at + 1)) }))),
  );

describe("parseSrt and formatSrt together", () => {
  test("lose nothing", () => {
    fc.assert(
      fc.property(cues, (written) => {
        expect(parseSrt(formatSrt(written))).toEqual(written);
      }),
    );
  });

  test("change nothing the second time, for any source", () => {
    const pieces = fc.constantFrom(
      "\n",
      "\r",
      "\n\n",
      TIMES,
      "0:0:1.5-->0:0:2 X1:5",
      "12",
      "text",
      "-->",
      "\uFEFF",
      " ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
        const once = parsedOrNull(parts.join(""));
        if (once !== null) expect(parseSrt(formatSrt(once))).toEqual(once);
      }),
    );
  });

  test("agree with another parser on plain subtitles", () => {
    // Compares only files that this parser reads correctly: it supports LF only, and needs text in every cue.
    const plain = cues.map((all) =>
      all.map((cue) => ({ ...cue, text: `Line ${cue.startMs}\nand ${cue.endMs}`, settings: "" })),
    );
    fc.assert(
      fc.property(plain, (written) => {
        const theirs = parseSync(formatSrt(written)).flatMap((node) => (node.type === "cue" ? [node.data] : []));
        const ours = parseSrt(formatSrt(written));
        expect(ours.map(({ startMs, endMs, text }) => ({ start: startMs, end: endMs, text }))).toEqual(theirs);
      }),
    );
  });

  test.each([
    ["line breaks", "\n".repeat(1_000_000)],
    ["spaces", `${" ".repeat(1_000_000)}-->`],
    ["digits", `${"1".repeat(1_000_000)} -->`],
    ["arrows", "-->".repeat(330_000)],
    ["carriage returns", "\r".repeat(1_000_000)],
    ["time lines", `${TIMES}\n`.repeat(33_000)],
    ["a time line of spaces", `00:00:01,000${" ".repeat(500_000)}-->${" ".repeat(500_000)}x`],
    ["indexes", "1\n".repeat(500_000)],
  ])("take linear time for a megabyte of %s", (_name, source) => {
    const before = process.cpuUsage();
    parsedOrNull(source);
    // A quadratic step would take minutes of processor time. Linear steps take tens of milliseconds.
    expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
  });
});

function parsedOrNull(source: string): readonly Cue[] | null {
  try {
    return parseSrt(source);
  } catch (error) {
    if (!(error instanceof SubtitleFormatError)) throw error;
    return null;
  }
}

function withoutOuterBlankLines(lines: readonly string[]): string {
  const first = lines.findIndex((text) => text.trim() !== "");
  const last = lines.findLastIndex((text) => text.trim() !== "");
  return first === -1 ? "" : lines.slice(first, last + 1).join("\n");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
