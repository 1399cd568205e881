import { useState } from "/vendor/hooks.js";
import { getCues } from "../lib/api.js";
import { cueTime, languageName, number } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoaded } from "../lib/use-loaded.js";
import { Notice } from "./notice.js";

/** @typedef {import("../lib/api.js").Cue} Cue */

const PAGE = 100;

/**
 * Shows the cues of source and target in pages. They are read again after each change of status.
 *
 * @param {{ job: import("../lib/api.js").JobDetail, drafts: readonly number[] }} props drafts: ids of cues
 */
export function Cues({ job, drafts }) {
  const [offset, setOffset] = useState(0);
  const { data, error, loading, reload } = useLoaded(`cues ${job.id} ${job.version} ${offset}`, (signal) =>
    getCues(job.id, { offset, limit: PAGE }, signal),
  );
  const ended = job.actions.includes("delete");
  if (ended && data?.total === 0) return null;
  return html`
    <section class="card" aria-labelledby="cues-title" aria-busy=${loading}>
      <div class="view-head">
        <h2 id="cues-title">Cues</h2>
        ${data && data.total > PAGE && html`<${Pager} offset=${offset} total=${data.total} onTurn=${setOffset} />`}
      </div>
      ${error && html`<${Notice} tone="bad" title="The cues cannot be read." action=${{ label: "Try again", run: reload }}>${error.message}<//>`}
      ${!data && loading && html`<p class="waiting">Loading …</p>`}
      ${data && data.total === 0 && html`<p class="hint">There is no file yet.</p>`}
      ${data && data.total > 0 && html`<${CueTable} cues=${data} drafts=${new Set(drafts)} ended=${ended} />`}
    </section>
  `;
}

/** @param {{ cues: import("../lib/api.js").CuePage, drafts: ReadonlySet<number>, ended: boolean }} props */
function CueTable({ cues: { items, language, targetLanguage }, drafts, ended }) {
  const missing = ended ? "not translated" : "not yet";
  return html`
    <table class="cues" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">Time</th>
          <th role="columnheader" scope="col">${languageName(language)}</th>
          ${targetLanguage && html`<th role="columnheader" scope="col">${languageName(targetLanguage)}</th>`}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${items.map(
          (cue) => html`
            <tr role="row" key=${cue.id}>
              <td role="cell" class="cue-time">${cueTime(cue.startMs)}</td>
              <td role="cell" class="cue-text" lang=${language} dir="auto">${cue.source ?? "–"}</td>
              ${targetLanguage && html`<${Target} cue=${cue} language=${targetLanguage} draft=${drafts.has(cue.id)} missing=${missing} />`}
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

/** @param {{ cue: Cue, language: string, draft: boolean, missing: string }} props */
function Target({ cue, language, draft, missing }) {
  return html`
    <td role="cell" class="cue-text">
      ${cue.target === null ? html`<span class="sub-inline">${missing}</span>` : html`<span lang=${language} dir="auto">${cue.target}</span>`}
      ${draft && html` <span class="chip chip-idle">Draft</span>`}
    </td>
  `;
}

/** @param {{ offset: number, total: number, onTurn: (offset: number) => void }} props */
function Pager({ offset, total, onTurn }) {
  const end = Math.min(offset + PAGE, total);
  return html`
    <div class="buttons">
      <span class="sub-inline" role="status">${number(offset + 1)} to ${number(end)} of ${number(total)}</span>
      <button type="button" class="button" disabled=${offset === 0} onClick=${() => onTurn(Math.max(0, offset - PAGE))}>Earlier</button>
      <button type="button" class="button" disabled=${end === total} onClick=${() => onTurn(offset + PAGE)}>Later</button>
    </div>
  `;
}
