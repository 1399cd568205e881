import { useEffect, useState } from "/vendor/hooks.js";
import { addressOf, everything } from "../lib/filter.js";
import { html } from "../lib/html.js";
import { languageTag } from "../lib/languages.js";
import { go } from "../lib/router.js";
import { LANGUAGE_LIST } from "./languages.js";

/** @typedef {import("../lib/filter.js").Filter} Filter */

/** Time without a key press after which a typed filter is used, in milliseconds. */
const PAUSE_MS = 350;

/** @param {{ filter: Filter }} props */
export function Filters({ filter }) {
  const [typed, setTyped] = useState(filter);
  const address = addressOf(filter);
  const wanted = addressOf({ ...typed, status: filter.status, ...tagsOf(typed), q: typed.q.trim() });

  // After "back" or a link, the inputs get the values of the new address.
  useEffect(() => setTyped(filter), [address]);
  useEffect(() => {
    if (wanted === address) return;
    const timer = setTimeout(() => go(wanted, { replace: true }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [wanted]);

  const input = (/** @type {"q" | "language" | "targetLanguage"} */ name) => ({
    name,
    value: typed[name],
    onInput: (/** @type {{ currentTarget: HTMLInputElement }} */ event) =>
      setTyped({ ...typed, [name]: event.currentTarget.value }),
  });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (wanted !== address) go(wanted, { replace: true });
  };
  const narrowed = Boolean(filter.q || filter.language || filter.targetLanguage);
  return html`
    <form class="filters" role="search" aria-label="Find jobs" onSubmit=${submit}>
      <label class="filter filter-title">Title<input type="search" maxlength="100" ...${input("q")} /></label>
      <label class="filter">Language<input list=${LANGUAGE_LIST} maxlength="35" placeholder="any" ...${input("language")} /></label>
      <label class="filter">Translated into<input list=${LANGUAGE_LIST} maxlength="35" placeholder="any" ...${input("targetLanguage")} /></label>
      ${narrowed && html`<a class="button button-quiet" href=${addressOf({ ...everything, status: filter.status })}>Clear</a>`}
    </form>
  `;
}

/** @param {Filter} typed */
function tagsOf({ language, targetLanguage }) {
  return { language: languageTag(language), targetLanguage: languageTag(targetLanguage) };
}
