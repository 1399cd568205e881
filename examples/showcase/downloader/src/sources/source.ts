import type { SubtitleData } from "@subtitles/job-store/subtitle";

/** Subtitle for the requested film, in any language. */
export interface Candidate {
  readonly source: string;
  /** Human-readable name: the name of the file or release. */
  readonly name: string;
  readonly language: string;
  /** True if its name does not contain its language: `language` is then the requested one. @default false */
  readonly languageAssumed?: boolean;
  /** Year of the film or series, if the source has it. Two films can have the same title. @default null */
  readonly year?: number | null;
  readonly traits: Traits;
  /**
   * Returns the file, which can be packed. Null if there is none. This can use a quota, so it is called for the best candidate
   * first, and for others only if that one cannot be used.
   */
  read(signal: AbortSignal): Promise<Uint8Array | null>;
}

/** Criteria for the choice between candidates in the same language. */
export interface Traits {
  readonly hearingImpaired: boolean;
  /** True if it was made for this video file, according to its hash or name. */
  readonly sameFile?: boolean;
  /** Number of words that this name shares with the video file's name, for example the release group. */
  readonly sharedWords?: number;
  readonly trusted?: boolean;
  /** Rating, 0 to 10. */
  readonly rating?: number;
  readonly downloads?: number;
}

export interface Found {
  readonly candidates: readonly Candidate[];
  /** Subtitles for this film that cannot be used. */
  readonly passedOver?: readonly PassedOver[];
  /** Number of subtitles that were compared with the request. */
  readonly looked: number;
}

export interface PassedOver {
  readonly source: string;
  readonly name: string;
  readonly why: string;
}

/** Requested subtitle. */
export interface Wanted extends SubtitleData {
  /** Languages in which a subtitle is useful, the best one first. */
  readonly languages: readonly string[];
}

/**
 * Source of subtitles. It replaces the source of the templates: it returns several candidates with their traits. The request is
 * untrusted input, so names are only compared with existing names and never used as paths, and symbolic links are not followed.
 *
 * `search` throws if the source is unavailable, because then it is not known whether the subtitle exists. `RetryLater` has the
 * time of the next attempt.
 */
export interface SubtitleSource {
  /** Name of the source in `preferredSources` of clients. */
  readonly name: string;
  search(wanted: Wanted, signal: AbortSignal): Promise<Found>;
}
