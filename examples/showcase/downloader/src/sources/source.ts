import type { SubtitleData } from "@subtitles/job-store/subtitle";

/** A subtitle for the film that was asked for, in whatever language. */
export interface Candidate {
  readonly source: string;
  /** What people know it by: the name of its file or release. */
  readonly name: string;
  readonly language: string;
  /** True if its name does not contain its language: `language` is then the requested one. @default false */
  readonly languageAssumed?: boolean;
  /** Year of the film or series, if the source gives it: two films may have the same title. @default null */
  readonly year?: number | null;
  readonly traits: Traits;
  /**
   * Its file, perhaps packed. Null where there turns out to be none. May cost something, so it is called for the best
   * candidate first, and for others only if that one is no good.
   */
  read(signal: AbortSignal): Promise<Uint8Array | null>;
}

/** What tells candidates in the same language apart. */
export interface Traits {
  readonly hearingImpaired: boolean;
  /** True if it was made for this video file, according to its hash or name. */
  readonly sameFile?: boolean;
  /** How many words of the video file's name, such as its release group, are in this one's. */
  readonly sharedWords?: number;
  readonly trusted?: boolean;
  /** 0 to 10. */
  readonly rating?: number;
  readonly downloads?: number;
}

export interface Found {
  readonly candidates: readonly Candidate[];
  /** For this film, and left out all the same. */
  readonly passedOver?: readonly PassedOver[];
  /** Subtitles looked at. */
  readonly looked: number;
}

export interface PassedOver {
  readonly source: string;
  readonly name: string;
  readonly why: string;
}

/** What to look for. */
export interface Wanted extends SubtitleData {
  /** The languages that would help, the best first. */
  readonly languages: readonly string[];
}

/**
 * Where subtitles come from. What is asked for is hostile input: names are compared with those that are there, never made
 * into a path, and symbolic links are not followed.
 *
 * A search throws where the source cannot be asked: that is no answer to "is it there?". `RetryLater` says until when.
 */
export interface SubtitleSource {
  /** As clients name it in `preferredSources`. */
  readonly name: string;
  search(wanted: Wanted, signal: AbortSignal): Promise<Found>;
}
