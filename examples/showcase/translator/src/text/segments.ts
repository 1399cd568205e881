/** What one speaker says within a cue. */
export interface Turn {
  /** The dash that marks it, with the space after it; "" if none. */
  readonly dash: string;
  readonly text: string;
}

const DASH = /^\s*[-–—]+\s*/;

/** The cue's turns: each line that begins with a dash begins one. Lines are joined. */
export function turnsOf(text: string): readonly Turn[] {
  const turns: { dash: string; text: string }[] = [];
  for (const line of text.split("\n")) {
    const dash = DASH.exec(line)?.[0] ?? "";
    const rest = line.slice(dash.length).trim();
    const current = turns.at(-1);
    if (current === undefined || dash !== "") turns.push({ dash: dash.trimStart(), text: rest });
    else current.text = `${current.text} ${rest}`;
  }
  return turns.filter((turn) => turn.text !== "");
}

/** The sentences of a text, by the rules of its language. */
export function sentencesOf(text: string, language: string): readonly string[] {
  const segments = segmenter(language, "sentence").segment(text);
  return Array.from(segments, ({ segment }) => segment.trim()).filter((sentence) => sentence !== "");
}

/** The words of a text in comparable form: lower case, one kind of apostrophe, no punctuation. */
export function wordsOf(text: string, language: string): readonly string[] {
  const comparable = text.normalize("NFKC").toLowerCase().replaceAll("’", "'");
  return Array.from(segmenter(language, "word").segment(comparable))
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment);
}

/** Returns the letters and digits of a text for a comparison: in lower case, without spaces and punctuation. */
export function lettersOf(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, "");
}

const segmenters = new Map<string, Intl.Segmenter>();

/** Making one costs far more than using it. */
function segmenter(language: string, granularity: "sentence" | "word"): Intl.Segmenter {
  const key = `${language} ${granularity}`;
  const known = segmenters.get(key) ?? new Intl.Segmenter(language, { granularity });
  segmenters.set(key, known);
  return known;
}
