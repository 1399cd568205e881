import { counted, number, percent } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @typedef {import("../lib/details.js").Translation} Translation */

/** Shows the parts of the translation, and the missing cues. @param {{ translation: Translation | undefined }} props */
export function TranslationFacts({ translation }) {
  if (!translation) return null;
  const { provider, total, covered, coverage, uncovered, uncoveredCues } = translation;
  return html`
    <section class="card" aria-labelledby="translation-title">
      <h2 id="translation-title">The translation</h2>
      <dl class="facts">
        <dt>Made by</dt>
        <dd>${provider}</dd>
        <dt>Coverage</dt>
        <dd>${number(covered)} of ${counted(total, "cue")} (${percent(coverage)})</dd>
        ${partsOf(translation).map(({ label, count, about }) => html`<dt>${label}</dt><dd>${number(count)} <span class="sub-inline">${about}</span></dd>`)}
      </dl>
      ${
        uncovered > 0 &&
        html`
          <details>
            <summary>${counted(uncovered, "cue")} left out</summary>
            <ul class="passed-over">
              ${uncoveredCues.map(({ index, text }) => html`<li><span class="sub-inline">${index}</span> <span dir="auto">${text}</span></li>`)}
            </ul>
          </details>
        `
      }
    </section>
  `;
}

/** @param {Translation} translation */
function partsOf({ exact, fuzzy, machine, resumed }) {
  return [
    { label: "Exact", count: exact, about: "translated before, in the same words" },
    { label: "Drafts", count: fuzzy, about: "translated before, in similar words" },
    { label: "Machine", count: machine, about: "not read by a human" },
    { label: "Resumed", count: resumed, about: "kept from an attempt that was interrupted" },
  ].filter(({ count }) => count > 0);
}
