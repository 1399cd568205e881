import { describe, expect, test } from "vitest";
import { decodeSubtitle, formatSubtitle, parseSubtitle, SubtitleFormatError } from "../../src/subtitle/index.js";
import { fixture } from "../fixture.js";

/** Reads a file and writes it again. */
const rewritten = (source: string) => formatSubtitle(parseSubtitle(source));
const fromFixture = async (name: string) => rewritten(decodeSubtitle(await fixture(name)).text);

const FIRST = "1\n00:00:01,000 --> 00:00:02,000\nfirst\n";
const SECOND = "2\n00:00:03,000 --> 00:00:04,000\nsecond\n";
const BOTH = `${FIRST}\n${SECOND}`;

describe("a damaged time line with only one meaning is accepted:", () => {
  test.each([
    ["a short arrow", "00:00:03,000 -> 00:00:04,000"],
    ["a space in the arrow", "00:00:03,000 -- > 00:00:04,000"],
    ["a long arrow", "00:00:03,000 ---> 00:00:04,000"],
    ["a dash for the arrow", "00:00:03,000 –> 00:00:04,000"],
    ["a long dash for the arrow", "00:00:03,000 —> 00:00:04,000"],
    ["an escaped arrow", "00:00:03,000 --&gt; 00:00:04,000"],
    ["fullwidth colons", "00：00：03,000 --> 00：00：04,000"],
    ["fullwidth digits and arrow", "００:００:０３,０００ --＞ ００:００:０４,０００"],
    ["Arabic digits", "٠٠:٠٠:٠٣٫٠٠٠ --> ٠٠:٠٠:٠٤٫٠٠٠"],
    ["a direction mark before it", "\u200E00:00:03,000 --> 00:00:04,000"],
    ["direction marks within it", "\u202B00:00:03,000\u202C --> \u200F00:00:04,000\u200F"],
    ["the letter O", "0O:OO:03,000 --> 00:00:04,OOO"],
    ["brackets around it", "[00:00:03,000 --> 00:00:04,000]"],
    ["brackets around its times", "[00:00:03,000] --> [00:00:04,000]"],
    ["a dot after it", "00:00:03,000 --> 00:00:04,000."],
    ["a space in a time", "00:00:03, 000 --> 00:00: 04,000"],
    ["a second fraction", "00:00:03,000.0999 --> 00:00:04,000"],
    ["three digits for the seconds", "00:00:003,000 --> 00:00:004,000"],
    ["a colon before the milliseconds", "00:00:03:000 --> 00:00:04:000"],
  ])("%s", (_name, line) => {
    expect(rewritten(`${FIRST}\n2\n${line}\nsecond\n`)).toBe(BOTH);
  });

  test.each(["2 00:00:03,000 --> 00:00:04,000", "200:00:03,000 --> 00:00:04,000", "2. 00:00:03,000 --> 00:00:04,000"])(
    "an index on the same line: %s",
    (line) => {
      expect(rewritten(`${FIRST}\n${line}\nsecond\n`)).toBe(BOTH);
    },
  );

  test.each(["X1:201 X2:516", "line:40%"])("settings without a space before them: %s", (settings) => {
    const line = `00:00:03,000 --> 00:00:04,000${settings}`;
    const spaced = line.replace(settings, ` ${settings}`);
    expect(rewritten(`${FIRST}\n2\n${line}\nsecond\n`)).toBe(`${FIRST}\n2\n${spaced}\nsecond\n`);
  });

  test("a start before the beginning of the film", async () => {
    expect(await fromFixture("negative-start.srt")).toBe(BOTH.replace("00:00:01,000", "00:00:00,000"));
  });

  test("the files that contained them", async () => {
    expect(await fromFixture("junk-after-time.srt")).toBe(BOTH);
    expect(await fromFixture("single-arrow.srt")).toMatch(
      /Good morning\n\n2\n00:00:03,000 --> 00:00:04,000\nWhere have you been\n\n3\n/,
    );
  });
});

describe("any other damaged time line is an error, and is never shown as text:", () => {
  test.each([
    ["00:00:03,000 -> 00:0x:04,000"],
    ["00:00:03,000 --> "],
    ["00:00:03,000 ->"],
    ["--> 00:00:04,000"],
    ["00:00:03,000"],
    ["00:00:03,000 - 00:00:04,000"],
    ["00:00:03:12 --> 00:00:04:12"],
    ["x00:00:03,000 --> 00:00:04,000"],
  ])("%s", (line) => {
    const read = () => rewritten(`${FIRST}\n2\n${line}\nsecond\n`);
    expect(read).toThrow(SubtitleFormatError);
    expect(read).toThrow(/line 6: .*00:00:01,000 --> 00:00:02,500/);
    expect(read).not.toThrow(/second/);
  });

  test("in WebVTT", () => {
    const source = "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nfirst\n\n2\n00:03.000 -> 00:0x\nsecond\n";
    expect(() => rewritten(source)).toThrow(/line 8: /);
    expect(() => rewritten(source.replace("-> 00:0x", ""))).toThrow(/line 8: /);
  });
});

test.each(["10:30 -> 11:45", "this way --> out", "At 10:30:15 we leave", "10:30", "2", "1984"])(
  "%s is text",
  (text) => {
    const source = `1\n00:00:01,000 --> 00:00:02,000\n${text}\n\n${SECOND}`;
    expect(rewritten(source)).toBe(source);
  },
);

describe("an index is never shown as text:", () => {
  test.each([
    ["a dot after it", "2."],
    ["a parenthesis after it", "2)"],
    ["a hash sign before it", "#2"],
    ["a direction mark", "\u200E2"],
    ["fullwidth digits", "２"],
    ["Arabic digits", "٢"],
    ["spaces around it", " 2 "],
  ])("%s", (_name, index) => {
    expect(rewritten(`${FIRST}\n${index}\n00:00:03,000 --> 00:00:04,000\nsecond\n`)).toBe(BOTH);
  });

  test.each(["-2", "1.1", "0002"])("%s", (index) => {
    expect(rewritten(`${FIRST}\n${index}\n00:00:03,000 --> 00:00:04,000\nsecond\n`)).toBe(BOTH);
  });

  test("with a blank line after it", async () => {
    expect(await fromFixture("blank-after-number.srt")).toBe(BOTH);
  });

  test("with blank lines after every line", async () => {
    expect(await fromFixture("double-spaced.srt")).toBe(
      "1\n00:00:01,000 --> 00:00:02,000\nGood morning\n\n" +
        "2\n00:00:03,000 --> 00:00:04,000\nWhere have you been\n\n" +
        "3\n00:00:05,000 --> 00:00:06,000\nAt home all day\n",
    );
  });

  test("with blank lines after every line and gaps", () => {
    expect(rewritten(BOTH.replaceAll("\n", "\n\n").replace("\n2\n", "\n7\n"))).toBe(BOTH.replace("\n2\n", "\n7\n"));
  });

  test("at the end of a file that was cut short", () => {
    expect(rewritten(`${FIRST}\n2\n`)).toBe(FIRST);
    expect(rewritten(`${FIRST}\n2`)).toBe(FIRST);
  });

  test("in WebVTT", () => {
    const one = "1\n00:00:01.000 --> 00:00:02.000\nfirst\n";
    const two = "2\n00:00:03.000 --> 00:00:04.000\nsecond\n";
    const both = `WEBVTT\n\n${one}\n${two}`;
    expect(rewritten(both.replaceAll("\n", "\n\n"))).toBe(both);
    const from0 = both.replace("1\n", "0\n").replace("2\n", "1\n");
    expect(rewritten(from0.replaceAll("\n", "\n\n"))).toBe(from0);
    expect(rewritten(`WEBVTT\n\n${one} \n${two}`)).toBe(both);
    expect(rewritten(`WEBVTT\n\n${one}${two}`)).toBe(both);
    expect(rewritten(`WEBVTT\n\n${one}\n2\n`)).toBe(`WEBVTT\n\n${one}`);
  });
});

test("a number that is text is kept, although the next cue has no index", () => {
  const source = "1\n00:00:01,000 --> 00:00:02,000\nIt was in\n\n1984\n\n00:00:03,000 --> 00:00:04,000\nsecond\n";
  expect(rewritten(source)).toBe(
    "1\n00:00:01,000 --> 00:00:02,000\nIt was in\n\n1984\n\n2\n00:00:03,000 --> 00:00:04,000\nsecond\n",
  );
});

describe("in WebVTT", () => {
  test("a line of one space does not end a cue", async () => {
    const file = await fromFixture("vtt-space-line.vtt");
    expect(parseSubtitle(file).cues.map(({ text }) => text)).toEqual(["hello my friends of old", "welcome back to us"]);
    expect(file).toContain("position:0%\nhello my friends of old\n\n00:00:02.000");
  });

  test("text after an empty line belongs to its cue", () => {
    expect(rewritten("WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\nmore\n\n00:03.000 --> 00:04.000\nTwo\n")).toBe(
      "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\nmore\n\n00:00:03.000 --> 00:00:04.000\nTwo\n",
    );
  });

  test("text after an empty line can have any number of lines", () => {
    const lines = "more\n".repeat(300_000);
    expect(rewritten(`WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\n\n${lines}`)).toBe(
      `WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\n${lines}`,
    );
  });

  test("text before the first cue and after a note is left out, because no player shows it", () => {
    expect(
      rewritten("WEBVTT\n\nstray\n\n00:01.000 --> 00:02.000\nOne\n\nNOTE a\n\nstray\n\n00:03.000 --> 00:04.000\nTwo\n"),
    ).toBe("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\n\nNOTE a\n\n00:00:03.000 --> 00:00:04.000\nTwo\n");
  });

  test("character references are decoded when read, and special characters are escaped when written", async () => {
    const { cues } = parseSubtitle(decodeSubtitle(await fixture("vtt-entities.vtt")).text);
    expect(cues.map(({ text }) => text)).toEqual(['Don\'t say "harbor", Ann…', "Salt & sea"]);
    expect(await fromFixture("vtt-entities.vtt")).toBe(
      'WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nDon\'t say "harbor", Ann…\n\n00:00:03.000 --> 00:00:04.000\nSalt &amp; sea\n',
    );
  });

  test("an escaped tag or arrow is read as text", () => {
    const source = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n1 &lt; 2 --&gt; 3\n00:00:03.000 --&gt; 00:00:04.000\n";
    expect(rewritten(source)).toBe(source);
    expect(rewritten(source.replace("1 &lt; 2", "&lt;i&gt;"))).toContain("‹i›");
  });

  test("tags that players ignore are left out, and <br> is a line break", () => {
    expect(rewritten("WEBVTT\n\n00:01.000 --> 00:02.000\n<font color=red>One</font><br>two <b>three</b>\n")).toBe(
      "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\ntwo <b>three</b>\n",
    );
  });

  test("a cue's name can be any line, also one of spaces", () => {
    const names = [" leading space", "trailing space ", "-- >", "->", " "];
    const source = names.map((name) => `${name}\n00:00:00.000 --> 00:00:01.000\ntext\n`).join("\n");
    expect(parseSubtitle(`WEBVTT\n\n${source}`).cues.map(({ id, text }) => [id, text])).toEqual(
      names.map((name) => [name, "text"]),
    );
    expect(rewritten(`WEBVTT\n\n${source}`)).toBe(`WEBVTT\n\n${source}`);
  });

  test("settings can follow the time without a space", () => {
    expect(parseSubtitle("WEBVTT\n\n00:00.000 --> 00:01.000line:40%\ntext\n").cues).toMatchObject([
      { endMs: 1000, settings: "line:40%", text: "text" },
    ]);
  });

  test("blank lines before WEBVTT are accepted", () => {
    expect(rewritten("\uFEFF\n \nWEBVTT\n\n00:01.000 --> 00:02.000\nOne\n")).toBe(
      "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\n",
    );
  });
});
