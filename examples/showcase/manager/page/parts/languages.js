import { languageName } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @param {Pick<import("../lib/api.js").JobSummary, "language" | "targetLanguage">} job */
export function Languages({ language, targetLanguage }) {
  if (targetLanguage === null) return languageName(language);
  return html`${languageName(language)} <span aria-hidden="true">→</span><span class="hidden"> to </span> ${languageName(targetLanguage)}`;
}

/** List of the languages that inputs suggest. There is one for the whole page. */
export const LANGUAGE_LIST = "language-list";
