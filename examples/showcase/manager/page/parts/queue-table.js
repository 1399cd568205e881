import { useState } from "/vendor/hooks.js";
import { announce } from "../lib/announce.js";
import { counted } from "../lib/format.js";
import { html } from "../lib/html.js";
import { redrive } from "../lib/service.js";
import { DeadLetters } from "./dead-letters.js";
import { Notice } from "./notice.js";

/**
 * @typedef {import("../lib/service.js").Queues} Queues
 * @typedef {import("../lib/service.js").Stage} Stage
 */

/** @param {{ queues: Queues, onChange: () => void }} props */
export function QueueTable({ queues, onChange }) {
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const sendBack = async (/** @type {Stage} */ stage) => {
    try {
      setError(null);
      const { redriven, left } = await redrive(stage);
      announce(`${counted(redriven, "message")} sent back, ${left} left.`);
      onChange();
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Error(String(failure)));
    }
  };
  const columns = ["Queue", "Waiting", "In progress", "To be retried", "Dead letters", "Workers"];
  return html`
    ${error && html`<${Notice} tone="bad" alert title="That did not work.">${error.message}<//>`}
    <div class="scrolls" tabindex="0" role="region" aria-label="Queues, table">
      <table class="plain numbers">
        <thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
        <tbody>
          ${queues.items.map(
            ({ stage, name, counts }) => html`
              <tr>
                <th scope="row">${stage}<span class="sub">${name}</span></th>
                ${counts ? numbers(counts).map((figure) => html`<td>${figure}</td>`) : html`<td colspan="5">Unknown: RabbitMQ is unavailable.</td>`}
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
    ${queues.items
      .filter(({ counts }) => counts && counts.dead > 0)
      .map(({ stage }) => html`<${DeadLetters} key=${stage} stage=${stage} onSendBack=${() => sendBack(stage)} />`)}
  `;
}

/** @param {import("../lib/service.js").QueueCounts} counts */
function numbers({ ready, unacked, delayed, dead, consumers }) {
  return [ready, unacked ?? "–", delayed, dead, consumers];
}
