/** Scripts that a combined script of ISO 15924 consists of. */
const MIXTURES: Readonly<Record<string, readonly string[]>> = {
  Hans: ["Hani"],
  Hant: ["Hani"],
  Jpan: ["Hani", "Hira", "Kana"],
  Kore: ["Hang", "Hani"],
};
/** Minimum share of letters in the language's script. Names and loan words may be in another one. */
const LEAST_SHARE = 0.3;

/** Returns true if enough of the text's letters belong to the script in which the language is usually written. */
export function isWrittenIn(text: string, language: string): boolean {
  const { script } = new Intl.Locale(language).maximize();
  const letters = text.match(/\p{Letter}/gu)?.length ?? 0;
  if (script === undefined || letters === 0) return true;
  const scripts = MIXTURES[script] ?? [script];
  try {
    const own = new RegExp(`[${scripts.map((name) => `\\p{Script=${name}}`).join("")}]`, "gu");
    return (text.match(own)?.length ?? 0) / letters >= LEAST_SHARE;
  } catch {
    return true; // a script that this version of Unicode does not have
  }
}
