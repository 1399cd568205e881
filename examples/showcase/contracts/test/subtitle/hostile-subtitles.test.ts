import fc from "fast-check";
import { expect, test } from "vitest";
import { SubtitleFormatError } from "../../src/subtitle/errors.js";
import { decodeSubtitle, formatSubtitle, parseSubtitle } from "../../src/subtitle/index.js";

const TIMES = "00:00:01,000 --> 00:00:02,000";
const files = [
  `1\n${TIMES} X1:1 X2:2\n<i>Hello</i> {\\an8}there\n\n2\n${TIMES}\nSecond\n`,
  `WEBVTT - A film\n\nSTYLE\n::cue { color: red }\n\nNOTE mine\n\nfirst\n00:01.000 --> 00:02.000 line:0\n<v Ann>Hello\n`,
  "\uFEFF1\r\n00:00:01.5-->0:0:2\r\nÄöü ß\r\n",
].map((text) => new TextEncoder().encode(text));

/** Returns a subtitle file in which some bytes are changed. */
const damaged = fc
  .record({
    file: fc.constantFrom(...files),
    changes: fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 12 }),
  })
  .map(({ file, changes }) => {
    const bytes = file.slice();
    for (const { at, byte } of changes) bytes[at % bytes.byteLength] = byte;
    return bytes;
  });

/** Reads a file. Returns null if it is rejected with the expected error. */
function readOrRefuse(bytes: Uint8Array): string | null {
  try {
    return formatSubtitle(parseSubtitle(decodeSubtitle(bytes, "en").text));
  } catch (error) {
    if (error instanceof SubtitleFormatError) return null;
    throw error;
  }
}

test("any bytes are read as a subtitle or rejected", () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      readOrRefuse(bytes);
    }),
    { numRuns: 3_000 },
  );
});

const LONG = 300_000;
const pieces = [
  ...["1", " ", "\n", "\r", ":", ",", "-", "-->", "<", "<i>", "{\\", "&amp;", "\u0000", "\uFEFF", "\u2028"],
  ...["00:", "0:0:1.5-->", "1\n", `${TIMES}\n`, `1\n${TIMES}\n`, `${TIMES} X1:1 `, "WEBVTT\n\n", "NOTE\n", "STYLE\n\n"],
];

test.each(pieces)("many repetitions of %j take little time", (piece) => {
  for (const start of ["", `1\n${TIMES}\n`, `1\n${TIMES} `, "WEBVTT\n\n", "00:00:"]) {
    const bytes = new TextEncoder().encode(start + piece.repeat(LONG / piece.length));
    const begun = process.cpuUsage();
    readOrRefuse(bytes);
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1_000).toBeLessThan(3_000);
  }
});
