import { duration } from "../lib/format.js";
import { html } from "../lib/html.js";
import { StatusChip } from "./status-chip.js";
import { Moment } from "./time.js";

/** @typedef {import("../lib/api.js").JobDetail["history"]} History */

/** Shows the changes of a job, with their authors and reasons. @param {{ history: History }} props */
export function Timeline({ history }) {
  return html`
    <section class="card" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      <ol class="timeline">
        ${history.map(
          ({ to, at, by, note, version }, index) => html`
            <li key=${version}>
              <div class="step"><${StatusChip} status=${to} /> <${After} at=${at} before=${history[index - 1]?.at} /></div>
              <div class="sub"><${Moment} at=${at} />${by && ` · ${by}`}</div>
              ${note && html`<div class="note" dir="auto">${note}</div>`}
            </li>
          `,
        )}
      </ol>
    </section>
  `;
}

/** @param {{ at: string, before: string | undefined }} props */
function After({ at, before }) {
  return before === undefined
    ? null
    : html`<span class="sub">after ${duration(Date.parse(at) - Date.parse(before))}</span>`;
}
