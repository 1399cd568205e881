export interface Wanted {
  readonly videoUrl: string;
  readonly videoTitle: string;
  readonly language: string;
}

export interface Found {
  /** Human-readable name, for example of the file. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Place that is searched for subtitles. Implement this for a provider of your own. */
export interface SubtitleSource {
  /**
   * Returns the subtitle; null: this source does not have it. If the source cannot be asked, it throws an error: that is no
   * answer, and the job is tried again.
   */
  find(wanted: Wanted, signal: AbortSignal): Promise<Found | null>;
}
