import { html } from "../lib/html.js";
import { progressText } from "../lib/progress.js";

/** @param {{ job: import("../lib/api.js").JobSummary }} props a job in progress */
export function ProgressBar({ job }) {
  const bar = html`<progress max="100" value=${job.percent} aria-label=${`Progress of ${job.videoTitle}`}></progress>`;
  return html`
    <div class="progress">
      ${job.status !== "pending" && bar}
      <span class="progress-text">${progressText(job)}</span>
    </div>
  `;
}
