import { gzipSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import { MOST_ARCHIVE_ENTRIES } from "../src/content/limits.js";
import { unpack } from "../src/content/unpack.js";

const subtitle = strToU8("1\n00:00:01,000 --> 00:00:02,000\nHello.\n");
const MEGABYTE = 1024 * 1024;

test("a file that is not packed is not changed", () => {
  expect(unpack(subtitle)).toBe(subtitle);
});

test("a file above the maximum size of a subtitle is not read", () => {
  const zip = zipSync({ "a.srt": subtitle, "film.bin": noise(6 * MEGABYTE) }, { level: 0 });
  for (const bytes of [noise(6 * MEGABYTE), zip]) expect(unpack(bytes) === null).toBe(true);
});

test("gzip and zip are unpacked, for any other entries and any names in the zip", () => {
  expect(unpack(gzipSync(subtitle))).toEqual(Buffer.from(subtitle));
  const zip = zipSync({
    "../../etc/Ferry.en.SRT": subtitle,
    "read me.txt": strToU8("x"),
    "__MACOSX/._Ferry.srt": subtitle,
  });
  expect(unpack(zip)).toEqual(subtitle);
});

test.each([
  ["two subtitles", zipSync({ "cd1.srt": subtitle, "cd2.srt": subtitle })],
  ["none", zipSync({ "read me.txt": subtitle })],
  ["another archive within", zipSync({ "inner.zip": zipSync({ "a.srt": subtitle }) })],
  [
    "more entries than allowed",
    zipSync({
      "a.srt": subtitle,
      ...Object.fromEntries(Array.from({ length: MOST_ARCHIVE_ENTRIES }, (_, at) => [`${at}.txt`, subtitle])),
    }),
  ],
  ["a bomb", zipSync({ "bomb.srt": new Uint8Array(4 * MEGABYTE) })],
  ["more than a subtitle can be", zipSync({ "large.srt": noise(6 * MEGABYTE) })],
  ["a damaged end", zipSync({ "a.srt": subtitle }).subarray(0, -10)],
  ["damaged contents", damaged(zipSync({ "a.srt": noise(1000) }))],
])("a zip file with %s has no subtitle", (_name, zip) => {
  expect(unpack(zip)).toBeNull();
});

test("a zip file with a wrong size of an entry returns at most the declared size", () => {
  const zip = zipSync({ "a.srt": new Uint8Array(4 * MEGABYTE) });
  const view = new DataView(zip.buffer, zip.byteOffset);
  view.setUint32(findDirectory(view) + 24, 10, true);
  expect(unpack(zip)?.byteLength ?? 0).toBeLessThanOrEqual(10);
});

test.each([
  ["a bomb", gzipSync(Buffer.alloc(5 * MEGABYTE))],
  ["more than a subtitle can be", gzipSync(noise(6 * MEGABYTE))],
  ["a damaged end", gzipSync(subtitle).subarray(0, -4)],
])("a gzip file with %s has no subtitle", (_name, gz) => {
  expect(unpack(gz)).toBeNull();
});

/** Bytes that cannot be compressed. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 1;
  for (let at = 0; at < size; at++) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    bytes[at] = state >> 16;
  }
  return bytes;
}

function damaged(zip: Uint8Array): Uint8Array {
  const copy = zip.slice();
  copy[30 + "a.srt".length] = 0xff; // The first byte of the packed data has an invalid block type.
  return copy;
}

function findDirectory(view: DataView): number {
  for (let at = 0; at < view.byteLength - 4; at++) if (view.getUint32(at, true) === 0x02014b50) return at;
  throw new Error("No central directory.");
}
