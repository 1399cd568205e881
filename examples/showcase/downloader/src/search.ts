import type { Log, SubtitleDetails } from "@showcase/contracts";
import { languageFit } from "@showcase/contracts/language";
import { JobFailed, RetryLater } from "@subtitles/queue/worker";
import { type ReadSubtitle, readSubtitle } from "./content/read.js";
import { isWrittenIn } from "./content/script.js";
import { rank, reasonFor, whyNot } from "./rank.js";
import type { Candidate, PassedOver, SubtitleSource, Wanted } from "./sources/source.js";

/** Results of the search for one job. */
export interface Search {
  readonly candidates: readonly Candidate[];
  /** Number of subtitles that were compared with the request. */
  readonly looked: number;
  /** Human-readable descriptions of sources and candidates that were unavailable. */
  readonly warnings: readonly string[];
  /** Adds the candidates of a source. If the source is unavailable, this is noted, and the search continues. */
  ask(source: SubtitleSource): Promise<void>;
  /**
   * Returns the best candidate in a language whose file can be read, with the reason for the choice. Null if there is none,
   * or if films of several years have the title and nothing distinguishes the right one.
   */
  best(language: string): Promise<Chosen | null>;
  /** Returns the candidate if there is exactly one and its name does not contain its language. Null in all other cases. */
  onlyWithoutLanguage(language: string): Promise<Chosen | null>;
  /** Creates the failure for a search without a result. Must be called after all sources were searched. */
  notFound(languages: readonly string[]): JobFailed;
  /**
   * Throws the error of a source or candidate that was unavailable and can have the subtitle. If there are several, the one with
   * the earliest retry is thrown.
   */
  throwIfUnanswered(): void;
}

/** Subtitle, with the details of the choice for the job's result. */
export interface Chosen {
  readonly subtitle: ReadSubtitle;
  readonly details: SubtitleDetails;
}

const MOST_PASSED_OVER = 20;
const NOT_THE_ONLY_ONE = "its name does not give its language, and it is not the only one";
/** Maximum number of items in each list of a failure's message. */
const MOST_NAMED = 10;

export function createSearch(
  wanted: Wanted,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Search {
  const candidates: Candidate[] = [];
  const passedOver: PassedOver[] = [];
  const warnings: string[] = [];
  const errors: unknown[] = [];
  /** Each candidate is read once, with any result. */
  const reads = new Map<Candidate, ReadSubtitle | null>();
  let looked = 0;

  function note(what: string, error: unknown): void {
    signal.throwIfAborted();
    errors.push(error);
    warnings.push(RetryLater.is(error) || JobFailed.is(error) ? error.message : `${what} was unavailable.`);
    log.warn({ err: error }, `${what} was unavailable`);
  }

  async function read(candidate: Candidate): Promise<ReadSubtitle | null> {
    const { source, name } = candidate;
    const known = reads.get(candidate);
    if (known !== undefined) return known;
    let subtitle: ReadSubtitle | null = null;
    try {
      const result = await readSubtitle(candidate, signal);
      if ("why" in result) passedOver.push({ source, name, why: result.why });
      else subtitle = result;
    } catch (error) {
      note(source, error);
      passedOver.push({ source, name, why: "it was unavailable" });
    }
    reads.set(candidate, subtitle);
    return subtitle;
  }

  /** Returns the years of the films with this title at the candidate's source. Sources can have different years for a film. */
  function yearsOf({ source }: Candidate): readonly number[] {
    const years = candidates.flatMap((one) =>
      one.source === source && typeof one.year === "number" ? [one.year] : [],
    );
    return [...new Set(years)].sort();
  }

  function describe(chosen: Candidate, subtitle: ReadSubtitle, language: string): Chosen {
    const { source, name, languageAssumed = false } = chosen;
    const { format, encoding, foundBy, bytes } = subtitle;
    const rivals = candidates.filter((candidate) => reads.get(candidate) !== null);
    return {
      subtitle,
      details: {
        source,
        name,
        language: chosen.language,
        languageAssumed,
        format,
        encoding,
        encodingFoundBy: foundBy,
        bytes,
        because: languageAssumed ? "it is the only one" : reasonFor(chosen, rivals, wanted, language),
        candidates: candidates.length,
        passedOver: [...passedOver, ...whyNot(chosen, rivals, wanted, language)].slice(0, MOST_PASSED_OVER),
      },
    };
  }

  return {
    candidates,
    warnings,
    get looked() {
      return looked;
    },
    async ask(source) {
      try {
        const found = await source.search(wanted, signal);
        candidates.push(...found.candidates);
        passedOver.push(...(found.passedOver ?? []));
        looked += found.looked;
      } catch (error) {
        note(source.name, error);
      }
    },
    async best(language) {
      const named = candidates.filter(({ languageAssumed }) => !languageAssumed);
      for (const chosen of rank(named, wanted, language)) {
        if (!chosen.traits.sameFile && yearsOf(chosen).length > 1) continue;
        const subtitle = await read(chosen);
        if (subtitle) return describe(chosen, subtitle, language);
      }
      return null;
    },
    async onlyWithoutLanguage(language) {
      const [only, ...others] = candidates;
      if (!only?.languageAssumed || others.length > 0) {
        for (const { source, name, languageAssumed } of candidates) {
          if (languageAssumed) passedOver.push({ source, name, why: NOT_THE_ONLY_ONE });
        }
        return null;
      }
      const { source, name } = only;
      const subtitle = await read(only);
      if (!subtitle) return null;
      if (!isWrittenIn(subtitle.text, language)) {
        passedOver.push({
          source,
          name,
          why: `its name does not give its language, and its text is not in ${language}`,
        });
        return null;
      }
      warnings.push(`The name of ${only.name} does not give its language: it is assumed to be ${language}.`);
      return describe(only, subtitle, language);
    },
    notFound(languages) {
      const asked = languages.join(" or ");
      const inLanguage = candidates.filter((one) =>
        languages.some((language) => languageFit(one.language, language) > 0),
      );
      const years = inLanguage.map(yearsOf).find((years) => years.length > 1);
      if (years) {
        return new JobFailed(
          `Films of ${years.join(" and ")} have this title, and the request does not name the year. ` +
            `Delete this job and submit it again with the year in the title, such as "Title (${years[0]})".`,
          { code: "AMBIGUOUS_TITLE" },
        );
      }
      const unusable = passedOver.filter(({ name }) => inLanguage.some((one) => one.name === name));
      if (unusable.length > 0) {
        const each = unusable.slice(0, MOST_NAMED).map(({ name, why }) => `${name}: ${why}`);
        return new JobFailed(`No subtitle in ${asked} for this film can be used. ${each.join("; ")}.`, {
          code: "SUBTITLE_UNUSABLE",
        });
      }
      const others = [...new Set(candidates.map((candidate) => candidate.language))].sort().slice(0, MOST_NAMED);
      const reasons = [...new Set(passedOver.map(({ why }) => why))].slice(0, MOST_NAMED);
      return new JobFailed(
        `No subtitle in ${asked} for this film among ${looked} subtitle files` +
          (others.length > 0 ? ` (there is one in ${others.join(", ")})` : "") +
          (reasons.length > 0 ? `. Skipped: ${reasons.join("; ")}.` : "."),
        { code: "SUBTITLE_NOT_FOUND" },
      );
    },
    throwIfUnanswered() {
      const soonest = errors.toSorted((one, other) => waitOf(one) - waitOf(other))[0];
      if (soonest !== undefined) throw soonest;
    },
  };
}

function waitOf(error: unknown): number {
  if (RetryLater.is(error)) return error.at.getTime() - Date.now();
  return JobFailed.is(error) ? Number.MAX_VALUE : 0;
}
