import { useEffect, useRef } from "/vendor/hooks.js";
import { announce } from "../lib/announce.js";
import { addressOf, everything, filterOf, queryOf } from "../lib/filter.js";
import { counted, number } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useJobs } from "../lib/use-jobs.js";
import { Filters } from "../parts/filters.js";
import { Heading } from "../parts/heading.js";
import { JobsTable } from "../parts/jobs-table.js";
import { Notice } from "../parts/notice.js";
import { ServiceStrip } from "../parts/service-strip.js";
import { StatusTabs } from "../parts/status-tabs.js";

/** @param {{ query: URLSearchParams }} props */
export function JobsView({ query }) {
  const filter = filterOf(query);
  const jobs = useJobs(filter);
  useAnnouncedResult(filter, jobs);
  return html`
    <div class="view-head">
      <${Heading} title="Jobs" />
      <a class="button button-main" href="/new">New job</a>
    </div>
    <${ServiceStrip} />
    <${StatusTabs} filter=${filter} />
    <${Filters} filter=${filter} />
    <section class="results" aria-label="Jobs" aria-busy=${jobs.loading}>
      <${Results} filter=${filter} jobs=${jobs} />
    </section>
  `;
}

/** @param {{ filter: import("../lib/filter.js").Filter, jobs: import("../lib/use-jobs.js").Jobs }} props */
function Results({ filter, jobs: { list, error, loading, reload, loadMore } }) {
  const failure =
    error &&
    html`<${Notice} tone="bad" title="The jobs cannot be read." action=${{ label: "Try again", run: reload }}>${error.message}<//>`;
  if (list === null) return failure ?? html`<p class="waiting">Loading jobs …</p>`;
  return html`
    ${failure}
    ${list.items.length === 0 ? html`<${Nothing} filter=${filter} />` : html`<${JobsTable} jobs=${list.items} />`}
    ${list.search?.more && html`<p class="hint">Only the newest ${number(list.search.searched)} jobs were searched; there are older ones.</p>`}
    ${
      list.cursor !== null &&
      html`
        <div class="more">
          <button type="button" class="button" onClick=${loadMore} disabled=${loading}>
            ${loading ? "Loading …" : "Load more"}
          </button>
        </div>
      `
    }
  `;
}

/** @param {{ filter: import("../lib/filter.js").Filter }} props */
function Nothing({ filter }) {
  if (addressOf(filter) === "/") {
    return html`
      <div class="nothing">
        <p><strong>There are no jobs yet.</strong></p>
        <p>Ask for a film’s subtitle, or upload one to have it translated.</p>
        <a class="button button-main" href="/new">New job</a>
      </div>
    `;
  }
  return html`
    <div class="nothing">
      <p><strong>No job is like that.</strong></p>
      <a class="button" href=${addressOf(everything)}>Show all jobs</a>
    </div>
  `;
}

/**
 * Announces the number of jobs after a change of the filter.
 *
 * @param {import("../lib/filter.js").Filter} filter
 * @param {import("../lib/use-jobs.js").Jobs} jobs
 */
function useAnnouncedResult(filter, { list, loading }) {
  const key = queryOf(filter).toString();
  const said = useRef(key);
  useEffect(() => {
    if (said.current === key || loading || list === null) return;
    said.current = key;
    announce(`${counted(list.items.length, "job")}${list.cursor === null ? "" : " and more"} shown.`);
  }, [key, loading, list]);
}
