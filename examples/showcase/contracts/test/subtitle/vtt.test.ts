import fc from "fast-check";
import { parseSync } from "subtitle";
import { describe, expect, test } from "vitest";
import type { Cue, Subtitle } from "../../src/subtitle/cue.js";
import { convertSubtitle, formatSubtitle, parseSubtitle, SubtitleFormatError } from "../../src/subtitle/index.js";
import { formatVtt, parseVtt } from "../../src/subtitle/vtt.js";

const TIMES = "00:00:01.000 --> 00:00:02.000";

describe("parseVtt", () => {
  test("keeps header, styles, notes, names and settings in their places", () => {
    const source = [
      "WEBVTT - a film\nLanguage: en",
      "STYLE\n::cue { color: lime }",
      `first\n${TIMES} line:0 align:start\n<v Ann>Hello\nthere`,
      "NOTE a remark",
      "NOTE\nanother",
      `00:00:03.500 --> 00:00:04.000\nBye`,
      "NOTE the end",
    ].join("\n\n");
    const subtitle = parseVtt(source);
    expect(subtitle).toEqual({
      format: "vtt",
      header: "WEBVTT - a film\nLanguage: en",
      footer: "NOTE the end",
      cues: [
        {
          index: 1,
          startMs: 1000,
          endMs: 2000,
          settings: "line:0 align:start",
          text: "<v Ann>Hello\nthere",
          id: "first",
          before: "STYLE\n::cue { color: lime }",
        },
        { index: 2, startMs: 3500, endMs: 4000, settings: "", text: "Bye", before: "NOTE a remark\n\nNOTE\nanother" },
      ],
    });
    expect(formatVtt(subtitle)).toBe(`${source}\n`);
  });

  test.each([
    ["hours left out", "00:01.000 --> 00:02.000"],
    ["CRLF", `${TIMES}\r`],
  ])("reads %s", (_name, line) => {
    expect(parseVtt(`WEBVTT\n\n${line}\nText\n`).cues).toMatchObject([{ startMs: 1000, endMs: 2000, text: "Text" }]);
  });

  test("finds cues without a blank line between them", () => {
    expect(parseVtt(`WEBVTT\n${TIMES}\nOne\n${TIMES}\nTwo`).cues.map(({ text }) => text)).toEqual(["One", "Two"]);
  });

  test.each([
    ["another format", `1\n${TIMES}\nText`, 1],
    ["a word that only begins so", `WEBVTTX\n\n${TIMES}\nText`, 1],
    ["no cue", "WEBVTT\n\nNOTE nothing", 3],
    ["a damaged time line", `WEBVTT\n\n00:00:01.000 --> 00:0x\nSecret`, 3],
  ])("rejects %s", (_name, source, line) => {
    expect(() => parseVtt(source)).toThrow(expect.objectContaining({ code: "SUBTITLE_FORMAT", line }));
    expect(() => parseVtt(source)).toThrow(SubtitleFormatError);
  });
});

const line = fc
  .string({ unit: "binary", minLength: 1 })
  .filter((text) => !/[\r\n\uFEFF]/.test(text) && text.trim() !== "" && !text.includes("-->"));
const lines = fc.array(line, { minLength: 1, maxLength: 3 }).map((all) => all.join("\n"));
/** Generates a cue's text: any characters, with or without tags, and lines of spaces between its first and last line. */
const spoken = fc
  .array(fc.oneof(line, fc.constantFrom("a -->", "<i>b</i> <", "&amp; &lt;i&gt;", "<v Ann>c", "<2> <mail@x>")), {
    minLength: 1,
  })
  .map((all) => all.join("\n \n"));
const cue = fc.record(
  {
    startMs: fc.nat(359_999_999),
    endMs: fc.nat(359_999_999),
    settings: line.map((text) => text.trim()),
    text: fc.oneof(lines, spoken, fc.constant("")),
    id: line,
    before: lines.map((text) => `NOTE\n${text}`),
  },
  { requiredKeys: ["startMs", "endMs", "settings", "text"] },
);
const subtitles: fc.Arbitrary<Subtitle> = fc
  .record(
    {
      header: lines.map((text) => `WEBVTT ${text}`),
      cues: fc.array(cue, { minLength: 1 }),
      footer: lines.map((text) => `NOTE\n${text}`),
    },
    { requiredKeys: ["header", "cues"] },
  )
  .map((parts) => ({ format: "vtt", ...parts, cues: parts.cues.map((each, at): Cue => ({ index: at + 1, ...each })) }));

test("a written file is read without a change", () => {
  fc.assert(
    fc.property(subtitles, (written) => {
      expect(parseVtt(formatVtt(written))).toEqual(written);
    }),
  );
});

test("a file that was read and written does not change the second time, for any source", () => {
  const pieces = fc.constantFrom("\n", "\r\n", "\n\n", TIMES, "NOTE x", "id", "-->", " ", "0:1.5-->0:2 line:0");
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
      const source = `WEBVTT\n\n${parts.join("")}`;
      try {
        const once = formatSubtitle(parseSubtitle(source));
        expect(formatSubtitle(parseSubtitle(once))).toBe(once);
      } catch (error) {
        if (!(error instanceof SubtitleFormatError)) throw error;
      }
    }),
  );
});

test("another parser reads the same cues", () => {
  const plain = subtitles.map((all) => ({
    ...all,
    header: "WEBVTT",
    cues: all.cues.map(({ index, startMs, endMs }) => ({ index, startMs, endMs, settings: "", text: `Line ${index}` })),
  }));
  fc.assert(
    fc.property(plain, ({ footer: _, ...written }) => {
      const theirs = parseSync(formatVtt(written)).flatMap((node) => (node.type === "cue" ? [node.data] : []));
      const ours = written.cues.map(({ startMs, endMs, text }) => ({ start: startMs, end: endMs, text }));
      expect(theirs.map(({ start, end, text }) => ({ start, end, text }))).toEqual(ours);
    }),
  );
});

describe("convertSubtitle", () => {
  const srt = (text: string): Subtitle => ({
    format: "srt",
    cues: [{ index: 1, startMs: 0, endMs: 900, settings: "X1:5", text }],
  });
  const vtt = (text: string, settings = ""): Subtitle => ({
    format: "vtt",
    cues: [{ index: 1, startMs: 0, endMs: 900, settings, text, id: "name", before: "NOTE x" }],
  });

  test.each([
    ["{\\an8}<i>Top</i>", "<i>Top</i>", " line:0"],
    ["{\\an8\\i1}Top", "Top", " line:0"],
    ["{\\i1\\an8}Top", "Top", " line:0"],
    ['<font color="red">Red</font> & 1 < 2', "Red &amp; 1 &lt; 2", ""],
    ["One\n\nTwo --> three", "One\nTwo --&gt; three", ""],
    ["One<br>two<BR/>three", "One\ntwo\nthree", ""],
    ["Write to <mail@x>, press <2>", "Write to &lt;mail@x&gt;, press &lt;2&gt;", ""],
  ])("writes %j for WebVTT", (text, expected, settings) => {
    const written = formatSubtitle(convertSubtitle(srt(text), "vtt"));
    expect(written).toBe(`WEBVTT\n\n00:00:00.000 --> 00:00:00.900${settings}\n${expected}\n`);
    expect(formatSubtitle(parseSubtitle(written))).toBe(written);
  });

  test.each([
    ["<v Ann>Hello <c.loud>you</c></v>", "", "Hello you"],
    ["<i>A</i> &amp; <00:00:00.500>B &lt;x&gt; &unknown;", "", "<i>A</i> & B <x> &unknown;"],
    ["It&#39;s &copy; &hellip;&nbsp;&rlm;&#x2665;", "", "It's © …\u00A0\u200F♥"],
    ["How many?\n \n2", "", "How many?\n2"],
    ["Top", "align:start line:5%", "{\\an8}Top"],
    ["Bottom", "line:85%", "Bottom"],
    ["00:00:01.000 --&gt; 00:00:02.000", "", "00:00:01.000 --› 00:00:02.000"],
  ])("writes %j for SRT", (text, settings, expected) => {
    const source = `WEBVTT\n\nname\n00:00.000 --> 00:00.900 ${settings}\n${text}\n`;
    const written = formatSubtitle(convertSubtitle(parseSubtitle(source), "srt"));
    expect(written).toBe(`1\n00:00:00,000 --> 00:00:00,900\n${expected}\n`);
    expect(formatSubtitle(parseSubtitle(written))).toBe(written);
  });

  test("does not change a subtitle that has the format already", () => {
    const subtitle = vtt("x");
    expect(convertSubtitle(subtitle, "vtt")).toBe(subtitle);
  });

  test("does not change text to a time line", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(TIMES, "00:00:01,0 -> 00:00:02,0")),
        (text) => {
          const written = formatSubtitle(convertSubtitle(srt(text), "vtt"));
          expect(parseSubtitle(written).cues).toHaveLength(1);
        },
      ),
    );
  });
});
