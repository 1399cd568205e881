import { useEffect, useRef } from "/vendor/hooks.js";
import { announce } from "../lib/announce.js";
import { detailsOf } from "../lib/details.js";
import { html } from "../lib/html.js";
import { ApiError } from "../lib/request.js";
import { useJob } from "../lib/use-job.js";
import { Cues } from "../parts/cues.js";
import { Heading } from "../parts/heading.js";
import { JobActions } from "../parts/job-actions.js";
import { JobFacts } from "../parts/job-facts.js";
import { JobOutcome } from "../parts/job-outcome.js";
import { Notice } from "../parts/notice.js";
import { StatusChip, statusLabel } from "../parts/status-chip.js";
import { SubtitleFacts } from "../parts/subtitle-facts.js";
import { Timeline } from "../parts/timeline.js";
import { TranslationFacts } from "../parts/translation-facts.js";

/** @param {{ id: string }} props */
export function JobView({ id }) {
  const loaded = useJob(id);
  const { data, error, update } = loaded;
  const gone = error instanceof ApiError && (error.status === 404 || error.status === 400);
  const job = gone ? null : data;
  useAnnouncedStatus(job);
  // The heading is the same element while the job is loaded, because it has the focus.
  return html`
    <p class="back"><a href="/"><span aria-hidden="true">← </span>All jobs</a></p>
    <div class="view-head">
      <div class="job-head">
        <${Heading} title=${job?.videoTitle ?? (gone ? "There is no such job" : "Job")} />
        ${job && html`<${StatusChip} ...${job} />`}
      </div>
      ${job && html`<${JobActions} job=${job} onChange=${update} />`}
    </div>
    ${gone && html`<p>It was never there, or it is old enough to have been forgotten.</p>`}
    ${!gone && html`<${Trouble} loaded=${loaded} />`} ${job && html`<${JobBody} job=${job} />`}
  `;
}

/** @param {{ loaded: import("../lib/use-loaded.js").Loaded<unknown> }} props */
function Trouble({ loaded: { data, error, reload } }) {
  if (!error) return data ? null : html`<p class="waiting">Loading the job …</p>`;
  const title = data ? "This may be out of date." : "The job cannot be read.";
  return html`<${Notice} tone="bad" title=${title} action=${{ label: "Try again", run: reload }}>${error.message}<//>`;
}

/** @param {{ job: import("../lib/api.js").JobDetail }} props */
function JobBody({ job }) {
  const { subtitle, translation, warnings = [] } = detailsOf(job);
  return html`
    <${JobOutcome} job=${job} warnings=${warnings} />
    <div class="columns">
      <div>
        <${SubtitleFacts} subtitle=${subtitle} />
        <${TranslationFacts} translation=${translation} />
        <${JobFacts} job=${job} />
      </div>
      <${Timeline} history=${job.history} />
    </div>
    <${Cues} job=${job} drafts=${translation?.fuzzyCues ?? []} />
  `;
}

/**
 * Announces each new status of the job.
 *
 * @param {import("../lib/api.js").JobDetail | null} job
 */
function useAnnouncedStatus(job) {
  const before = useRef(job?.status);
  useEffect(() => {
    if (job && before.current && before.current !== job.status)
      announce(`${statusLabel(job.status)}: ${job.videoTitle}`);
    before.current = job?.status;
  }, [job?.status]);
}
