import { html } from "../lib/html.js";
import { Languages } from "./languages.js";
import { ProgressBar } from "./progress-bar.js";
import { StatusChip } from "./status-chip.js";
import { Ago } from "./time.js";

/** @typedef {import("../lib/api.js").JobSummary} JobSummary */

/** @param {{ job: JobSummary }} props */
export function JobRow({ job }) {
  return html`
    <tr role="row">
      <td role="cell" class="job-title">
        <a href=${`/jobs/${encodeURIComponent(job.id)}`} dir="auto">${job.videoTitle}</a>
        <span class="sub" dir="auto">${job.origin === "upload" ? "Uploaded subtitle" : job.videoUrl}</span>
      </td>
      <td role="cell" class="job-languages"><${Languages} ...${job} /></td>
      <td role="cell" class="job-status">
        <${StatusChip} ...${job} />
        ${job.attempt > 1 && html`<span class="sub">Attempt ${job.attempt}</span>`}
      </td>
      <td role="cell" class="job-progress"><${Progress} job=${job} /></td>
      <td role="cell" class="job-changed"><${Ago} at=${job.statusAt} /></td>
    </tr>
  `;
}

/** @param {{ job: JobSummary }} props */
function Progress({ job }) {
  if (job.status === "failed") return html`<span class="reason">${job.error?.message ?? "No reason was given."}</span>`;
  if (job.status === "completed") return "Ready to download";
  return html`<${ProgressBar} job=${job} />${job.waiting && html`<span class="reason">${job.waiting.reason}</span>`}`;
}
