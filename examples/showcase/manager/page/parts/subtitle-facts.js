import { counted, languageName, size } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @typedef {import("../lib/details.js").Subtitle} Subtitle */

/** @type {Record<string, string>} */
const evidence = {
  mark: "by its byte order mark",
  bytes: "by its bytes",
  language: "by the language",
  detector: "by a detector",
  default: "assumed: no evidence",
};

/** Shows the chosen subtitle with the reason, and the skipped ones. @param {{ subtitle: Subtitle | undefined }} props */
export function SubtitleFacts({ subtitle }) {
  if (!subtitle) return null;
  const {
    name,
    source,
    language,
    languageAssumed,
    because,
    format,
    encoding,
    encodingFoundBy,
    bytes,
    candidates,
    passedOver,
  } = subtitle;
  return html`
    <section class="card" aria-labelledby="subtitle-title">
      <h2 id="subtitle-title">The subtitle that was found</h2>
      <dl class="facts">
        <dt>Chosen</dt>
        <dd dir="auto">${name}</dd>
        <dt>Why</dt>
        <dd>${because}</dd>
        <dt>Source</dt>
        <dd>${source}</dd>
        <dt>Language</dt>
        <dd>${languageName(language)}${languageAssumed && ", assumed: the file's name does not give it"}</dd>
        <dt>File</dt>
        <dd>${format.toUpperCase()}, ${size(bytes)}</dd>
        <dt>Encoding</dt>
        <dd>${encoding}, ${evidence[encodingFoundBy] ?? encodingFoundBy}</dd>
      </dl>
      ${
        passedOver.length > 0 &&
        html`
          <details>
            <summary>${counted(candidates - 1, "other")} skipped</summary>
            <ul class="passed-over">
              ${passedOver.map((other) => html`<li><span dir="auto">${other.name}</span> <span class="sub">${other.source}: ${other.why}</span></li>`)}
            </ul>
          </details>
        `
      }
    </section>
  `;
}
