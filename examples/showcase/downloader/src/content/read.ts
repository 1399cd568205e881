import {
  type DecodedSubtitle,
  decodeSubtitle,
  isVtt,
  parseSubtitle,
  type SubtitleFormat,
} from "@showcase/contracts/subtitle";
import type { Candidate } from "../sources/source.js";
import { unpack, unsupportedArchive } from "./unpack.js";

/** Subtitle of a candidate, after it was read and checked. */
export interface ReadSubtitle extends DecodedSubtitle {
  readonly format: SubtitleFormat;
  readonly bytes: number;
}

/** Returns a candidate's subtitle, or the reason why it cannot be used, as the end of the sentence "It is not used: …". */
export async function readSubtitle(
  candidate: Candidate,
  signal: AbortSignal,
): Promise<ReadSubtitle | { readonly why: string }> {
  const packed = await candidate.read(signal);
  if (!packed || packed.byteLength === 0) return { why: "its file is missing, empty or too large" };
  const unsupported = unsupportedArchive(packed);
  if (unsupported !== null) return { why: `it is a ${unsupported} archive, which is not supported` };
  const bytes = unpack(packed);
  if (!bytes)
    return { why: "it is damaged, too large, or an archive that does not contain exactly one SRT or WebVTT file" };
  const decoded = decodeSubtitle(bytes, candidate.language);
  try {
    parseSubtitle(decoded.text);
  } catch {
    return { why: "it cannot be read as a subtitle" };
  }
  return { ...decoded, format: isVtt(decoded.text) ? "vtt" : "srt", bytes: bytes.byteLength };
}
