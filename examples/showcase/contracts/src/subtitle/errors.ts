import { JobFailed } from "@subtitles/queue/worker";

/** The text is not a subtitle, or has a damaged time line. The message does not quote the text. */
export class SubtitleFormatError extends JobFailed {
  /** Line number, from 1. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super(`Not a usable subtitle: line ${line}: ${reason}`, { code: "SUBTITLE_FORMAT" });
    this.line = line;
  }
}
