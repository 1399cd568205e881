import { isMeantAsTimeLine } from "@example/contracts/subtitle";
import { isBlank, tagsOf, withoutTags } from "./markup.js";
import type { Translation } from "./provider.js";

/** A name or an "OK" may well be the same in both languages; a machine that answers more than that with the source did nothing. */
const WORDS_THAT_MAY_STAY = 2;

/** The translation as it can be shown for the source text, both without the tags around the whole cue; null where it cannot. */
export function usable(source: string, translation: Translation): Translation | null {
  const text = withoutBlankLines(translation.text);
  if (isBlank(text)) return null;
  // Written to a file, such a line would begin a cue of its own.
  if (text.split("\n").some(isMeantAsTimeLine)) return null;
  if (text === source && !mayStay(text, translation.match)) return null;
  if (translation.match === "machine" && tagsOf(text).join() !== tagsOf(source).join()) return null;
  return { ...translation, text };
}

function mayStay(text: string, match: Translation["match"]): boolean {
  if (match === "exact") return true; // only something made for this very text can know that
  return match === "machine" && withoutTags(text).trim().split(/\s+/).length <= WORDS_THAT_MAY_STAY;
}

/** Many players end a cue at its first blank line. */
function withoutBlankLines(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  return lines.filter((line) => line !== "").join("\n");
}
