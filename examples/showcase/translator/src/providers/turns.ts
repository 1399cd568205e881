import type { Cue } from "@showcase/contracts/subtitle";
import type { TranslatedCue } from "../text/provider.js";
import { turnsOf } from "../text/segments.js";

/**
 * Translates with a service for texts. Each speaker's turn is translated alone, so that dashes and lines keep their places. A cue
 * is covered only if all of its turns are.
 *
 * @param translate returns a translation for each text in order, null if it has none
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
