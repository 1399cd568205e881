import { isMeantAsTimeLine } from "@showcase/contracts/subtitle";
import { isBlank, tagsOf } from "./markup.js";
import type { Translation } from "./provider.js";
import { isUntranslated } from "./untranslated.js";

/**
 * Returns the translation in the form in which it is shown for the source text, or null if it cannot be used. Both texts are
 * without the tags around the whole cue.
 *
 * @param language language of the source
 */
export function usable(source: string, translation: Translation, language: string): Translation | null {
  const text = withoutBlankLines(translation.text);
  if (isBlank(text)) return null;
  // In a file, such a line would begin another cue.
  if (text.split("\n").some(isMeantAsTimeLine)) return null;
  if (isUntranslated(source, { ...translation, text }, language)) return null;
  if (translation.match === "machine" && tagsOf(text).join() !== tagsOf(source).join()) return null;
  return { ...translation, text };
}

/** Many players end a cue at its first blank line. */
function withoutBlankLines(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  return lines.filter((line) => line !== "").join("\n");
}
