import { html } from "../lib/html.js";
import { getDeadLetters } from "../lib/service.js";
import { useLoaded } from "../lib/use-loaded.js";
import { Ago } from "./time.js";

/** @param {{ stage: import("../lib/service.js").Stage, onSendBack: () => void }} props */
export function DeadLetters({ stage, onSendBack }) {
  const { data, error } = useLoaded(`dead letters ${stage}`, () => getDeadLetters(stage));
  return html`
    <h3>Dead letters: ${stage}</h3>
    ${error && html`<p>${error.message}</p>`}
    <ul class="letters">
      ${data?.items.map(
        ({ id, jobId, reason, at }) => html`
          <li key=${id}>
            ${jobId ? html`<a href=${`/jobs/${encodeURIComponent(jobId)}`}>${jobId}</a>` : "A message that cannot be read"}:
            ${" "}${reason} (<${Ago} at=${at} />)
          </li>
        `,
      )}
    </ul>
    <div class="buttons">
      <button type="button" class="button" onClick=${onSendBack}>Send them back to the workers</button>
    </div>
  `;
}
