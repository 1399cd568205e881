import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import { LARGEST_SUBTITLE_BYTES } from "../src/content/limits.js";
import { unpack } from "../src/content/unpack.js";

const subtitle = strToU8("1\n00:00:01,000 --> 00:00:02,000\nHello.\n".repeat(50));
const archives = [
  gzipSync(subtitle),
  zipSync({ "a.srt": subtitle }),
  zipSync({ "a.srt": subtitle }, { level: 0 }),
  zipSync({ "../a.srt": subtitle, "read me.txt": subtitle, "dir/": new Uint8Array() }),
  zipSync({ "bomb.srt": new Uint8Array(4 * 1024 * 1024) }),
];

/** Generates an archive in which some bytes are changed, and the end can be missing. */
const damaged = fc
  .record({
    archive: fc.constantFrom(...archives),
    changes: fc.array(fc.record({ at: fc.nat(), byte: fc.constantFrom(0, 1, 0x50, 0x7f, 0x80, 0xff) }), {
      minLength: 1,
      maxLength: 8,
    }),
    kept: fc.double({ min: 0.5, max: 1, noNaN: true }),
  })
  .map(({ archive, changes, kept }) => {
    const bytes = archive.slice(0, Math.ceil(archive.byteLength * kept));
    for (const { at, byte } of changes) bytes[at % bytes.byteLength] = byte;
    return bytes;
  });

test("any archive returns at most the size of a subtitle, in a short time", () => {
  fc.assert(
    fc.property(damaged, (bytes) => {
      const begun = process.cpuUsage();
      const found = unpack(bytes);
      const { user, system } = process.cpuUsage(begun);
      expect(found?.byteLength ?? 0).toBeLessThanOrEqual(LARGEST_SUBTITLE_BYTES);
      expect((user + system) / 1_000).toBeLessThan(1_000);
    }),
    { numRuns: 2_000 },
  );
});
