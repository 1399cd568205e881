import {
  type DecodedSubtitle,
  decodeSubtitle,
  isVtt,
  parseSubtitle,
  type SubtitleFormat,
} from "@example/contracts/subtitle";
import type { Candidate } from "../sources/source.js";
import { unpack } from "./unpack.js";

/** A candidate's subtitle, read and found to be one. */
export interface ReadSubtitle extends DecodedSubtitle {
  readonly format: SubtitleFormat;
  readonly bytes: number;
}

/** Null where the candidate's file is no subtitle that can be read: damaged, too large, empty, something else. */
export async function readSubtitle(candidate: Candidate, signal: AbortSignal): Promise<ReadSubtitle | null> {
  const packed = await candidate.read(signal);
  const bytes = packed && unpack(packed);
  if (!bytes) return null;
  const decoded = decodeSubtitle(bytes, candidate.language);
  try {
    parseSubtitle(decoded.text);
  } catch {
    return null;
  }
  return { ...decoded, format: isVtt(decoded.text) ? "vtt" : "srt", bytes: bytes.byteLength };
}
