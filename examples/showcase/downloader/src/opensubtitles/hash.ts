import { constants } from "node:fs";
import { open } from "node:fs/promises";

const BLOCK_BYTES = 64 * 1024;

/**
 * Returns the hash with which OpenSubtitles identifies a video file: its size plus the sum of the 64-bit words in its first and
 * last 64 KiB. Null if it is not a regular file, or smaller than the two blocks.
 */
export async function movieHash(path: string): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (!file) return null;
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size < 2 * BLOCK_BYTES) return null;
    let sum = BigInt(stat.size);
    for (const position of [0, stat.size - BLOCK_BYTES]) {
      const block = Buffer.alloc(BLOCK_BYTES);
      const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, position);
      if (bytesRead < BLOCK_BYTES) return null; // The file became smaller.
      for (let at = 0; at < BLOCK_BYTES; at += 8) sum += block.readBigUInt64LE(at);
    }
    return BigInt.asUintN(64, sum).toString(16).padStart(16, "0");
  } finally {
    await file.close();
  }
}
