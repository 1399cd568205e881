import { useState } from "/vendor/hooks.js";
import { announce } from "../lib/announce.js";
import { cancelJob, filePath, retryJob } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Confirm } from "./confirm.js";
import { DownloadLink } from "./download-link.js";
import { focusHeading } from "./heading.js";
import { Notice } from "./notice.js";

/** @typedef {import("../lib/api.js").JobDetail} JobDetail */

/** What can be done with a job now. @param {{ job: JobDetail, onChange: (job: JobDetail) => void }} props */
export function JobActions({ job, onChange }) {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState(/** @type {Error | null} */ (null));

  const run = async (/** @type {() => Promise<JobDetail>} */ action, /** @type {string} */ done) => {
    setError(null);
    try {
      onChange(await action());
      announce(done);
      // The button is gone, and the focus would be with it.
      focusHeading();
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Error(String(failure)));
    }
  };
  const cancel = () => {
    setAsking(false);
    return run(() => cancelJob(job.id), "The job is cancelled.");
  };
  const retry = (/** @type {boolean} */ fromStart) =>
    run(() => retryJob(job.id, { fromStart }), "The job is tried again.");

  return html`
    <div class="buttons">
      ${
        job.status === "completed" &&
        html`
          <${DownloadLink} path=${filePath(job.id, "srt")} label="Download SRT" onError=${setError} />
          <${DownloadLink} path=${filePath(job.id, "vtt")} label="Download VTT" onError=${setError} />
        `
      }
      ${job.actions.includes("retry") && html`<button type="button" class="button button-main" onClick=${() => retry(false)}>Try again</button>`}
      ${
        job.actions.includes("retry") &&
        job.origin === "video" &&
        html`<button type="button" class="button" onClick=${() => retry(true)}>From the start</button>`
      }
      ${job.actions.includes("cancel") && html`<button type="button" class="button" onClick=${() => setAsking(true)}>Cancel job</button>`}
    </div>
    ${error && html`<${Notice} tone="bad" alert title="That did not work.">${error.message}<//>`}
    ${
      asking &&
      html`
        <${Confirm} title="Cancel this job?" yes="Cancel the job" no="Keep it" onYes=${cancel} onNo=${() => setAsking(false)}>
          The worker that has it stops. What was done so far is kept, and the job can be tried again.
        <//>
      `
    }
  `;
}
