import { JobFailed } from "@subtitles/queue/worker";

/** One subtitle: its text and its times. */
export interface Cue {
  /** Number of the cue in its file. The numbers increase. */
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Lines joined by "\n", with their tags; "" for a blank cue. */
  readonly text: string;
}

const TIME = String.raw`(\d{2,}):([0-5]\d):([0-5]\d),(\d{3})`;
const TIME_LINE = new RegExp(String.raw`^${TIME} --> ${TIME}\s*$`);

/**
 * Decodes the bytes of an SRT file. It accepts only UTF-8, with or without a byte order mark, because bytes in another encoding
 * would become wrong letters.
 *
 * @throws JobFailed WRONG_ENCODING
 */
export function decodeSrt(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new JobFailed("The subtitle is not in UTF-8. Convert it to UTF-8, and retry the job.", {
      code: "WRONG_ENCODING",
      retryable: false,
    });
  }
}

/**
 * Reads the cues of an SRT file. It rejects a damaged file and does not guess. Otherwise, a damaged time line could be shown as
 * text.
 *
 * @throws JobFailed DAMAGED_SUBTITLE with the number of the line
 */
export function parseSrt(text: string): readonly Cue[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  const cues: Cue[] = [];
  let at = 0;
  for (;;) {
    while (at < lines.length && lines[at]?.trim() === "") at += 1;
    if (at >= lines.length) break;
    const index = /^\d{1,9}$/.exec(lines[at]?.trim() ?? "")?.[0];
    if (index === undefined) throw damaged(at, "a cue begins with its number");
    if (Number(index) <= (cues.at(-1)?.index ?? -1)) throw damaged(at, "the numbers of the cues must increase");
    const times = TIME_LINE.exec(lines[at + 1] ?? "");
    if (times === null) throw damaged(at + 1, "the times must have the form 00:00:01,000 --> 00:00:02,500");
    const [startMs, endMs] = [milliseconds(times.slice(1, 5)), milliseconds(times.slice(5, 9))];
    if (endMs < startMs) throw damaged(at + 1, "the cue ends before it begins");
    const start = at + 2;
    at = start;
    while (at < lines.length && lines[at]?.trim() !== "") {
      if (lines[at]?.includes("-->")) throw damaged(at, "a blank line is missing before this cue");
      at += 1;
    }
    cues.push({ index: Number(index), startMs, endMs, text: lines.slice(start, at).join("\n") });
  }
  if (cues.length === 0) throw damaged(0, "there is no cue");
  return cues;
}

/** Returns the content of an SRT file with these cues. */
export function formatSrt(cues: readonly Cue[]): string {
  return cues
    .map(({ index, startMs, endMs, text }) => `${index}\n${time(startMs)} --> ${time(endMs)}\n${text}\n`)
    .join("\n");
}

function damaged(at: number, reason: string): JobFailed {
  return new JobFailed(`The subtitle is damaged: line ${at + 1}: ${reason}.`, {
    code: "DAMAGED_SUBTITLE",
    retryable: false,
  });
}

function milliseconds([hours, minutes, seconds, rest]: readonly string[]): number {
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(rest);
}

function time(ms: number): string {
  const digits = (value: number, length: number) => String(Math.floor(value)).padStart(length, "0");
  const [hours, minutes, seconds] = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60];
  return `${digits(hours, 2)}:${digits(minutes, 2)}:${digits(seconds, 2)},${digits(ms % 1000, 3)}`;
}
