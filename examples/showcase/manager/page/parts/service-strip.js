import { counted, number } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useProviders, useQueues } from "../lib/service.js";
import { providerText } from "./providers.js";

/** Shows the load of the workers, and the reasons for waiting jobs, in one line. */
export function ServiceStrip() {
  const { data: queues } = useQueues();
  const { data: providers } = useProviders();
  if (!queues) return html`<p class="strip"> </p>`;
  const held = providers?.items.filter(
    ({ throttledUntil }) => throttledUntil && Date.parse(throttledUntil) > Date.now(),
  );
  return html`
    <p class="strip">
      ${queues.items.map(
        ({ stage, counts }) => html`
          <span><b>${stage === "download" ? "Downloads" : "Translations"}</b> ${counts ? queueText(counts) : "unknown: the queue is unavailable"}</span>
        `,
      )}
      ${queues.outbox.waiting > 0 && html`<span><b>Outbox</b> ${counted(queues.outbox.waiting, "message")} waiting</span>`}
      ${held?.map((provider) => html`<span class="poor"><b>${provider.name}</b> ${providerText(provider)}</span>`)}
    </p>
  `;
}

/** @param {import("../lib/service.js").QueueCounts} counts */
function queueText({ ready, unacked, delayed, dead, consumers }) {
  const parts = [
    ready > 0 && `${number(ready)} waiting`,
    unacked && `${number(unacked)} in progress`,
    delayed > 0 && `${number(delayed)} to be retried`,
    dead > 0 && `${number(dead)} dead letters`,
    consumers === 0 && "no worker",
  ].filter(Boolean);
  return parts.join(", ") || "idle";
}
