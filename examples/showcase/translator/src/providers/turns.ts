import type { Cue } from "@showcase/contracts/subtitle";
import type { TranslatedCue } from "../text/provider.js";
import { turnsOf } from "../text/segments.js";

/**
 * Translates by a service that knows texts, not cues: each speaker's turn goes by itself, so that dashes and lines stay
 * where they are. A cue is covered only if all of its turns are.
 *
 * @param translate Answers each text in its place, null for one that it cannot translate.
 */
export async function translateTurns(
  cues: readonly Cue[],
  translate: (texts: readonly string[]) => Promise<readonly (string | null)[]>,
): Promise<readonly TranslatedCue[]> {
  const turns = cues.map((cue) => turnsOf(cue.text));
  const answers = await translate(turns.flat().map(({ text }) => text));
  let at = 0;
  return cues.map(({ index }, nth) => {
    const lines = (turns[nth] ?? []).map(({ dash }) => {
      const answer = answers[at++] ?? null;
      return answer === null ? null : dash + answer;
    });
    const isWhole = lines.length > 0 && lines.every((line) => line !== null);
    return { index, translation: isWhole ? { text: lines.join("\n"), match: "machine", score: 1 } : null };
  });
}
