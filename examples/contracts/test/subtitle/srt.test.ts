import { expect, test } from "vitest";
import { decodeSrt, formatSrt, parseSrt } from "../../subtitle/srt.js";

const SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello.</i>\nYou there!\n\n2\n01:02:03,004 --> 01:02:05,000\n\n";

test("a file is read and written without a change", () => {
  const cues = parseSrt(SRT);
  expect(cues).toEqual([
    { index: 1, startMs: 1000, endMs: 2500, text: "<i>Hello.</i>\nYou there!" },
    { index: 2, startMs: 3_723_004, endMs: 3_725_000, text: "" },
  ]);
  expect(parseSrt(formatSrt(cues))).toEqual(cues);
});

test("a byte order mark, the line ends of Windows and further blank lines are accepted", () => {
  const text = `\uFEFF${SRT.replaceAll("\n\n", "\n\n\n").replaceAll("\n", "\r\n")}`;
  expect(parseSrt(decodeSrt(Buffer.from(text)))).toEqual(parseSrt(SRT));
});

test("a file in another encoding is rejected with the reason", () => {
  const latin1 = Buffer.from(SRT.replace("Hello", "Señor"), "latin1");
  expect(() => decodeSrt(latin1)).toThrow(expect.objectContaining({ code: "WRONG_ENCODING" }));
  expect(() => decodeSrt(Buffer.from(`\uFEFF${SRT}`, "utf16le"))).toThrow("not in UTF-8");
});

test.each([
  ["", "line 1: there is no cue"],
  ["A page that says 404.", "line 1: a cue begins with its number"],
  [SRT.replace("-->", "->"), "line 2: the times must have the form"],
  [SRT.replace("00:00:01,000", "00:00:01.000"), "line 2: the times must have the form"],
  [SRT.replace("00:00:01,000", "00:00:09,000"), "line 2: the cue ends before it begins"],
  [SRT.replace("there!\n\n2", "there!\n2"), "line 6: a blank line is missing"],
  [SRT.replace("\nYou", "\n\nYou"), "line 5: a cue begins with its number"],
  [SRT.replace("\n2\n", "\n1\n"), "line 6: the numbers of the cues must increase"],
  [SRT.slice(0, 20), "line 2: the times must have the form"],
])("a damaged file is rejected with the line and the reason: %j", (text, message) => {
  expect(() => parseSrt(text)).toThrow(message);
  expect(() => parseSrt(text)).toThrow(expect.objectContaining({ code: "DAMAGED_SUBTITLE" }));
});
