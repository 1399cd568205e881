import { html } from "../lib/html.js";
import { Languages } from "./languages.js";
import { Moment } from "./time.js";

/** Shows the request of a job. @param {{ job: import("../lib/api.js").JobDetail }} props */
export function JobFacts({ job }) {
  return html`
    <section class="card" aria-labelledby="job-title">
      <h2 id="job-title">The job</h2>
      <dl class="facts">
        <dt>${job.origin === "upload" ? "Upload" : "Video"}</dt>
        <dd class="address">${job.origin === "upload" ? "A subtitle file" : html`<${Video} url=${job.videoUrl} />`}</dd>
        <dt>Language</dt>
        <dd><${Languages} ...${job} /></dd>
        ${job.preferredSources.length > 0 && html`<dt>Asked first</dt><dd>${job.preferredSources.join(", ")}</dd>`}
        <dt>Attempt</dt>
        <dd>${job.attempt}</dd>
        <dt>Created</dt>
        <dd><${Moment} at=${job.createdAt} /></dd>
        ${job.expiresAt && html`<dt>Kept until</dt><dd><${Moment} at=${job.expiresAt} /></dd>`}
        <dt>Id</dt>
        <dd class="address"><code>${job.id}</code></dd>
      </dl>
    </section>
  `;
}

/** Shows an address. Only addresses that a browser can open are links, because a client chose them. @param {{ url: string }} props */
function Video({ url }) {
  return /^https?:/i.test(url) ? html`<a href=${url} rel="noreferrer noopener" target="_blank">${url}</a>` : url;
}
