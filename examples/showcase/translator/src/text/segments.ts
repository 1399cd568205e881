/** Text of one speaker within a cue. */
export interface Turn {
  /** Dash of the turn, with the space after it; "" if there is none. */
  readonly dash: string;
  readonly text: string;
}

const DASH = /^\s*[-–—]+\s*/;

/** Returns the turns of the cue's speakers. Each begins with a dash at the beginning of a line. Its lines are joined. */
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

/** Returns the sentences of a text, by the rules of its language. */
export function sentencesOf(text: string, language: string): readonly string[] {
  const segments = segmenter(language, "sentence").segment(text);
  return Array.from(segments, ({ segment }) => segment.trim()).filter((sentence) => sentence !== "");
}

/** Returns the words of a text for a comparison: in lower case, with one kind of apostrophe, without punctuation. */
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

/** Segmenters are kept, because creating one takes much longer than using it. */
function segmenter(language: string, granularity: "sentence" | "word"): Intl.Segmenter {
  const key = `${language} ${granularity}`;
  const known = segmenters.get(key) ?? new Intl.Segmenter(language, { granularity });
  segmenters.set(key, known);
  return known;
}
