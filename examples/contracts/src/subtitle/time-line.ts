/** What the line above a cue's text says. */
export interface TimeLine {
  readonly startMs: number;
  readonly endMs: number;
  /** What stands after the times, usually coordinates; "" if nothing. */
  readonly settings: string;
}

// Hours may be missing or have one digit, milliseconds may follow a dot or be missing. Only the parts between the
// times have an open length and each is tried once, so that the match is linear in the line.
const TIME = String.raw`(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?`;
const TIME_LINE = new RegExp(String.raw`^\s*${TIME}\s*-->\s*${TIME}(?=\s|$)`);
const LIKE_A_TIME_LINE = /^\s*-?\d+\s*:\s*\d/;

/** The times in this line, or null if it is not a time line. */
export function parseTimeLine(line: string): TimeLine | null {
  // Most lines are text: tell them apart without the pattern.
  if (!line.includes("-->")) return null;
  const match = TIME_LINE.exec(line);
  if (match === null) return null;
  return {
    startMs: milliseconds(match[1], match[2], match[3], match[4]),
    endMs: milliseconds(match[5], match[6], match[7], match[8]),
    settings: line.slice(match[0].length).trim(),
  };
}

/** Whether this line was meant to give a cue's times, readable or not. */
export function isMeantAsTimeLine(line: string): boolean {
  return line.includes("-->") && LIKE_A_TIME_LINE.test(line);
}

/** `01:02:03,450 --> 01:02:05,000`, and the settings if there are any. WebVTT wants a point instead of the comma. */
export function formatTimeLine({ startMs, endMs, settings }: TimeLine, point: "," | "." = ","): string {
  const times = `${formatTime(startMs, point)} --> ${formatTime(endMs, point)}`;
  return settings === "" ? times : `${times} ${settings}`;
}

function milliseconds(hours = "0", minutes = "0", seconds = "0", fraction = "0"): number {
  // The digits after the comma are a fraction: ",5" is half a second.
  const thousandths = Number(fraction.slice(0, 3).padEnd(3, "0"));
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + thousandths;
}

function formatTime(ms: number, point: string): string {
  const digits = (value: number, length: number) => String(Math.floor(value)).padStart(length, "0");
  const hours = digits(ms / 3_600_000, 2);
  const minutes = digits((ms / 60_000) % 60, 2);
  const seconds = digits((ms / 1000) % 60, 2);
  return `${hours}:${minutes}:${seconds}${point}${digits(ms % 1000, 3)}`;
}
