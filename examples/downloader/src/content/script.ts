/** Languages that are written in several scripts, by the name of their mixture (ISO 15924). */
const MIXTURES: Readonly<Record<string, readonly string[]>> = {
  Hans: ["Hani"],
  Hant: ["Hani"],
  Jpan: ["Hani", "Hira", "Kana"],
  Kore: ["Hang", "Hani"],
};
/** Names and loan words are in another script even in a text that is not. */
const LEAST_SHARE = 0.3;

/** Whether a text's letters are those that the language is usually written in. */
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
