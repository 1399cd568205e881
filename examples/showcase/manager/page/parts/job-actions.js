import { useState } from "/vendor/hooks.js";
import { announce } from "../lib/announce.js";
import { cancelJob, deleteJob, filePath, retryJob } from "../lib/api.js";
import { html } from "../lib/html.js";
import { go } from "../lib/router.js";
import { Confirm } from "./confirm.js";
import { DownloadLink } from "./download-link.js";
import { focusHeading } from "./heading.js";
import { Notice } from "./notice.js";

/** @typedef {import("../lib/api.js").JobDetail} JobDetail */

/** Shows the actions that are possible with a job now. @param {{ job: JobDetail, onChange: (job: JobDetail) => void }} props */
export function JobActions({ job, onChange }) {
  const [asking, setAsking] = useState(/** @type {"cancel" | "delete" | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));

  const run = async (/** @type {() => Promise<void>} */ action, /** @type {string} */ done) => {
    setAsking(null);
    setError(null);
    try {
      await action();
      announce(done);
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Error(String(failure)));
    }
  };
  const change = (/** @type {() => Promise<JobDetail>} */ action, /** @type {string} */ done) =>
    run(async () => {
      onChange(await action());
      // The button was removed, and the focus with it.
      focusHeading();
    }, done);
  const retry = (/** @type {boolean} */ fromStart) =>
    change(() => retryJob(job.id, { fromStart }), "The job is tried again.");
  const cancel = () => change(() => cancelJob(job.id), "The job is cancelled.");
  const remove = () =>
    run(async () => {
      await deleteJob(job.id);
      go("/");
    }, "The job is deleted.");

  return html`
    <div class="buttons">
      ${
        job.status === "completed" &&
        html`
          <${DownloadLink} path=${filePath(job.id, "srt")} label="Download SRT" main onError=${setError} />
          <${DownloadLink} path=${filePath(job.id, "vtt")} label="Download VTT" onError=${setError} />
        `
      }
      ${job.actions.includes("retry") && html`<button type="button" class="button button-main" onClick=${() => retry(false)}>Try again</button>`}
      ${
        job.actions.includes("retry") &&
        job.origin === "video" &&
        html`<button type="button" class="button" onClick=${() => retry(true)}>From the start</button>`
      }
      ${job.actions.includes("cancel") && html`<button type="button" class="button" onClick=${() => setAsking("cancel")}>Cancel job</button>`}
      ${job.actions.includes("delete") && html`<button type="button" class="button" onClick=${() => setAsking("delete")}>Delete</button>`}
    </div>
    ${error && html`<${Notice} tone="bad" alert title="That did not work.">${error.message}<//>`}
    ${
      asking === "cancel" &&
      html`
        <${Confirm} title="Cancel this job?" yes="Cancel the job" no="Keep it" onYes=${cancel} onNo=${() => setAsking(null)}>
          The worker that has it stops. What was done so far is kept, and the job can be tried again.
        <//>
      `
    }
    ${
      asking === "delete" &&
      html`
        <${Confirm} title="Delete this job?" yes="Delete the job" no="Keep it" onYes=${remove} onNo=${() => setAsking(null)}>
          The job, its history and its subtitle files are removed.
        <//>
      `
    }
  `;
}
