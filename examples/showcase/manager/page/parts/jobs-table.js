import { useLayoutEffect, useRef } from "/vendor/hooks.js";
import { html } from "../lib/html.js";
import { JobRow } from "./job-row.js";

/** @param {{ jobs: readonly import("../lib/api.js").JobSummary[] }} props */
export function JobsTable({ jobs }) {
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  useKeptFocus(table, jobs);
  // Roles are explicit, because rows with the layout of cards would lose them.
  return html`
    <table class="jobs" role="table" ref=${table}>
      <thead role="rowgroup">
        <tr role="row">
          ${["Title", "Language", "Status", "Progress", "Changed"].map(
            (name) => html`<th role="columnheader" scope="col">${name}</th>`,
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${jobs.map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}
      </tbody>
    </table>
  `;
}

/**
 * Moves the focus if its row was removed, because the job does not match the filter any more. The next row gets the focus.
 * Otherwise, users of the keyboard would have to begin at the top.
 *
 * @param {{ current: HTMLTableElement | null }} table
 * @param {readonly unknown[]} jobs
 */
function useKeptFocus(table, jobs) {
  const row = useRef(-1);
  useLayoutEffect(() => {
    if (row.current < 0 || document.activeElement !== document.body) return;
    const rows = table.current?.tBodies[0]?.rows ?? [];
    rows[Math.min(row.current, rows.length - 1)]?.querySelector("a")?.focus();
  }, [jobs]);
  useLayoutEffect(() => {
    const note = () => {
      const focused = document.activeElement?.closest("tbody tr");
      row.current = focused instanceof HTMLTableRowElement ? focused.sectionRowIndex : -1;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);
}
