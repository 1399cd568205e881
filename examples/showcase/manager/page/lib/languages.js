import { languageName } from "./format.js";

/** Suggested languages. All other language tags can be typed. */
const common =
  "ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu id is it ja ko lt lv mk ms nl no pl pt pt-BR ro ru sk sl sq sr sv th tr uk ur vi zh zh-Hant";

/** Tags with their names, ordered by name. */
export const languages = common
  .split(" ")
  .map((tag) => ({ tag, name: languageName(tag) }))
  .sort((one, other) => one.name.localeCompare(other.name, "en"));

/**
 * @param {string} text a tag, or a language's name in English
 * @returns {string} the tag; other text is unchanged, and the API checks it
 */
export function languageTag(text) {
  const typed = text.trim();
  return languages.find(({ name }) => name.toLowerCase() === typed.toLowerCase())?.tag ?? typed;
}
