import { upcoming } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Notice } from "./notice.js";
import { ProgressBar } from "./progress-bar.js";

/** Shows the progress or the end of a job. @param {{ job: import("../lib/api.js").JobDetail, warnings: readonly string[] }} props */
export function JobOutcome({ job, warnings }) {
  return html`
    ${job.waiting ? html`<${Waiting} waiting=${job.waiting} />` : isUnderWay(job) && html`<div class="card"><${ProgressBar} job=${job} /></div>`}
    ${job.status === "failed" && html`<${Failure} error=${job.error} />`}
    ${
      warnings.length > 0 &&
      html`<${Notice} tone="poor" title=${warnings.length === 1 ? "A warning" : `${warnings.length} warnings`}>
        <ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>
      <//>`
    }
  `;
}

/** @param {import("../lib/api.js").JobDetail} job */
function isUnderWay({ status }) {
  return status === "pending" || status === "downloading" || status === "translating";
}

/** @param {{ waiting: NonNullable<import("../lib/api.js").JobDetail["waiting"]> }} props */
function Waiting({ waiting: { until, reason } }) {
  return html`<${Notice} tone="poor" title=${`Waits until ${upcoming(until)}, then continues automatically.`}><p>${reason}</p><//>`;
}

/** @param {{ error: import("../lib/api.js").JobDetail["error"] }} props */
function Failure({ error }) {
  const cancelled = error?.code === "CANCELLED";
  return html`
    <${Notice} tone=${cancelled ? "plain" : "bad"} title=${error?.message ?? "No reason was given."}>
      ${error?.code && html`<p class="hint"><code>${error.code}</code></p>`}
      ${error && !error.retryable && html`<p class="hint">Trying again would end the same way, unless something has changed since.</p>`}
    <//>
  `;
}
