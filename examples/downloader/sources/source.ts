/** Requested subtitle. */
export interface Wanted {
  readonly videoUrl: string;
  readonly videoTitle: string;
  readonly language: string;
}

/** Subtitle file that a source has found. */
export interface Found {
  /** Human-readable name, for example of the file. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Source of subtitles, for example a folder. Implement this interface for a provider of your own. */
export interface SubtitleSource {
  /**
   * Returns the subtitle, or null if this source does not have it. If the source is unavailable, it throws an error, and the job
   * is tried again.
   */
  find(wanted: Wanted, signal: AbortSignal): Promise<Found | null>;
}
