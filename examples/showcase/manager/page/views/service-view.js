import { html } from "../lib/html.js";
import { useProviders, useQueues } from "../lib/service.js";
import { Heading } from "../parts/heading.js";
import { Notice } from "../parts/notice.js";
import { Providers } from "../parts/providers.js";
import { QueueTable } from "../parts/queue-table.js";
import { Ago } from "../parts/time.js";

/** @param {{ health: import("../lib/health.js").Health }} props */
export function ServiceView({ health }) {
  const queues = useQueues();
  const providers = useProviders();
  return html`
    <${Heading} title="Service" />
    <section class="card" aria-labelledby="health-title">
      <h2 id="health-title">Health</h2>
      <${HealthFacts} health=${health} />
    </section>
    <section class="card" aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      <${Part} loaded=${queues} what="queues">
        ${queues.data && html`<${QueueTable} queues=${queues.data} onChange=${queues.reload} />`}
        ${queues.data && html`<${Outbox} outbox=${queues.data.outbox} />`}
      <//>
    </section>
    <section class="card" aria-labelledby="providers-title">
      <h2 id="providers-title">Providers</h2>
      <p class="hint">As the workers saw them last.</p>
      <${Part} loaded=${providers} what="providers">
        ${providers.data && html`<${Providers} providers=${providers.data.items} />`}
      <//>
    </section>
    <p class="hint">The <a href="/dashboard">dashboard</a> shows workers, the outbox and dead letters, and why a job does not move.</p>
    <p class="hint">All of this comes from the <a href="/docs/">API</a>, which other programs can use as well.</p>
  `;
}

/** @param {{ health: import("../lib/health.js").Health }} props */
function HealthFacts({ health: { title, text, readiness } }) {
  return html`
    <p>${title} ${text}</p>
    ${
      readiness &&
      html`
        <dl class="facts">
          <dt>Job store</dt><dd>${readiness.store.status}</dd>
          <dt>Queue</dt><dd>${readiness.queue.status}</dd>
        </dl>
      `
    }
  `;
}

/** @param {{ outbox: import("../lib/service.js").Queues["outbox"] }} props */
function Outbox({ outbox: { waiting, scheduled, rejected, oldestAt } }) {
  if (waiting + scheduled + rejected === 0) {
    return html`<p class="hint">The outbox is empty: every message has been published.</p>`;
  }
  return html`
    <p class="hint">
      ${waiting} in the outbox, not yet published${oldestAt && html`; the oldest came <${Ago} at=${oldestAt} />`}. ${scheduled} not due yet, ${rejected} rejected.
    </p>
  `;
}

/** @param {{ loaded: import("../lib/use-loaded.js").Loaded<unknown>, what: string, children?: unknown }} props */
function Part({ loaded: { data, error, reload }, what, children }) {
  const failure =
    error &&
    html`<${Notice} tone="bad" title=${`The ${what} cannot be read.`} action=${{ label: "Try again", run: reload }}>${error.message}<//>`;
  if (data === null) return failure ?? html`<p class="waiting">Loading …</p>`;
  return html`${failure} ${children}`;
}
