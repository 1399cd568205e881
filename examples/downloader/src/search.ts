import { Failure, type Log, NotNow, type SubtitleDetails } from "@example/contracts";
import { type ReadSubtitle, readSubtitle } from "./content/read.js";
import { rank, reasonFor, whyNot } from "./rank.js";
import type { Candidate, PassedOver, SubtitleSource, Wanted } from "./sources/source.js";

/** What has been found so far for one job. */
export interface Search {
  readonly candidates: readonly Candidate[];
  /** Subtitles looked at. */
  readonly looked: number;
  /** For people: sources and candidates that could not be had. */
  readonly warnings: readonly string[];
  /** Adds what a source has. One that cannot be asked is noted, and stops nothing. */
  ask(source: SubtitleSource): Promise<void>;
  /** The best candidate in a language that can really be read, and why it is the best. Null: there is none. */
  best(language: string): Promise<{ readonly subtitle: ReadSubtitle; readonly details: SubtitleDetails } | null>;
  /** @throws what a source or candidate threw that may yet have something: if several did, the one that can be asked soonest */
  throwIfUnanswered(): void;
}

const MOST_PASSED_OVER = 20;

export function createSearch(
  wanted: Wanted,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Search {
  const candidates: Candidate[] = [];
  const passedOver: PassedOver[] = [];
  const warnings: string[] = [];
  const errors: unknown[] = [];
  /** Each is read once, whatever comes of it. */
  const reads = new Map<Candidate, ReadSubtitle | null>();
  let looked = 0;

  function note(what: string, error: unknown): void {
    signal.throwIfAborted();
    errors.push(error);
    warnings.push(error instanceof NotNow || error instanceof Failure ? error.message : `${what} could not be asked.`);
    log.warn({ err: error }, `${what} could not be asked`);
  }

  async function read(candidate: Candidate): Promise<ReadSubtitle | null> {
    const { source, name } = candidate;
    const known = reads.get(candidate);
    if (known !== undefined) return known;
    let subtitle: ReadSubtitle | null = null;
    try {
      subtitle = await readSubtitle(candidate, signal);
      if (!subtitle) passedOver.push({ source, name, why: "it cannot be read as a subtitle" });
    } catch (error) {
      note(source, error);
      passedOver.push({ source, name, why: "it could not be had" });
    }
    reads.set(candidate, subtitle);
    return subtitle;
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
      for (const chosen of rank(candidates, wanted, language)) {
        const subtitle = await read(chosen);
        if (!subtitle) continue;
        const { source, name } = chosen;
        const { format, encoding, foundBy, bytes } = subtitle;
        const rivals = candidates.filter((candidate) => reads.get(candidate) !== null);
        return {
          subtitle,
          details: {
            source,
            name,
            language: chosen.language,
            format,
            encoding,
            encodingFoundBy: foundBy,
            bytes,
            because: reasonFor(chosen, rivals, wanted, language),
            candidates: candidates.length,
            passedOver: [...passedOver, ...whyNot(chosen, rivals, wanted, language)].slice(0, MOST_PASSED_OVER),
          },
        };
      }
      return null;
    },
    throwIfUnanswered() {
      const soonest = errors.toSorted((one, other) => waitOf(one) - waitOf(other))[0];
      if (soonest !== undefined) throw soonest;
    },
  };
}

function waitOf(error: unknown): number {
  if (error instanceof NotNow) return error.afterMs;
  return error instanceof Failure ? Number.MAX_VALUE : 0;
}
