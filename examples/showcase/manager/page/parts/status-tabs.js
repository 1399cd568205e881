import { addressOf, statuses } from "../lib/filter.js";
import { number } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useCounts } from "../lib/use-counts.js";
import { statusLabel } from "./status-chip.js";

/** @param {{ filter: import("../lib/filter.js").Filter }} props */
export function StatusTabs({ filter }) {
  const { data: counts } = useCounts();
  const all = counts && Object.values(counts).reduce((sum, count) => sum + count, 0);
  const tabs = [
    { status: /** @type {const} */ (""), label: "All", count: all },
    ...statuses.map((status) => ({ status, label: statusLabel(status), count: counts?.[status] ?? null })),
  ];
  return html`
    <nav class="tabs" aria-label="Jobs by status">
      <ul>
        ${tabs.map(
          ({ status, label, count }) => html`
            <li>
              <a
                href=${addressOf({ ...filter, status })}
                aria-current=${filter.status === status ? "page" : undefined}
              >
                ${label} <span class="count">${count === null ? "–" : number(count)}</span>
              </a>
            </li>
          `,
        )}
      </ul>
    </nav>
  `;
}
