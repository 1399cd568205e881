import { gunzipSync } from "node:zlib";
import { type UnzipFileInfo, unzipSync } from "fflate";
import { HIGHEST_RATIO, LARGEST_SUBTITLE_BYTES, MOST_ARCHIVE_ENTRIES } from "./limits.js";

/**
 * Returns the subtitle file in `bytes`: the bytes themselves, or the file in a gzip or zip file. Null if there is none, more than
 * one, or one that is larger than a subtitle. The number of entries, the sizes and the ratios are limited, and names are never
 * used as paths.
 */
export function unpack(bytes: Uint8Array): Uint8Array | null {
  if (bytes.byteLength > LARGEST_SUBTITLE_BYTES) return null;
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b)
      return gunzipSync(bytes, { maxOutputLength: mostFrom(bytes.byteLength) });
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) return unzip(bytes);
  } catch {
    return null; // damaged, or larger than allowed
  }
  return bytes;
}

/** Returns the name of an archive format that `unpack` does not support; null for all other bytes. */
export function unsupportedArchive(bytes: Uint8Array): "RAR" | "7z" | null {
  const start = Buffer.from(bytes.subarray(0, 6)).toString("latin1");
  if (start.startsWith("Rar!")) return "RAR";
  return start === "7z\xbc\xaf\x27\x1c" ? "7z" : null;
}

function unzip(bytes: Uint8Array): Uint8Array | null {
  let entries = 0;
  const wanted: UnzipFileInfo[] = [];
  const files = unzipSync(bytes, {
    filter(entry) {
      entries += 1;
      if (entries > MOST_ARCHIVE_ENTRIES) throw new RangeError("too many entries");
      const isSubtitle = /\.(srt|vtt)$/i.test(entry.name) && !entry.name.startsWith("__MACOSX/");
      if (isSubtitle) wanted.push(entry);
      // Limits the output to the size that the archive declares, because that size can be wrong.
      return isSubtitle && wanted.length === 1 && entry.originalSize <= mostFrom(entry.size);
    },
  });
  const [only, another] = wanted;
  if (!only || another) return null;
  return files[only.name] ?? null;
}

function mostFrom(packedBytes: number): number {
  return Math.min(LARGEST_SUBTITLE_BYTES, Math.max(packedBytes, 64) * HIGHEST_RATIO);
}
