import { JobFailed } from "@subtitles/queue/worker";

/** The text is no subtitle, or has a damaged time line. Quotes nothing of it. */
export class SubtitleFormatError extends JobFailed {
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super(`Not a usable subtitle: line ${line}: ${reason}`, { code: "SUBTITLE_FORMAT" });
    this.line = line;
  }
}
