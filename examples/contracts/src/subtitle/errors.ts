import { Failure } from "../failures.js";

/** The text is no subtitle, or has a damaged time line. Quotes nothing of it. */
export class SubtitleFormatError extends Failure {
  override readonly name = "SubtitleFormatError";
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super("SUBTITLE_FORMAT", `Not a usable subtitle: line ${line}: ${reason}`);
    this.line = line;
  }
}
