import { html } from "../lib/html.js";

/** @typedef {import("../lib/api.js").JobSummary} JobSummary */

/** @type {Record<JobSummary["status"], { label: string, tone: string, mark: string }>} */
const looks = {
  pending: { label: "Pending", tone: "idle", mark: "○" },
  downloading: { label: "Downloading", tone: "busy", mark: "◐" },
  translating: { label: "Translating", tone: "busy", mark: "◐" },
  completed: { label: "Completed", tone: "good", mark: "✓" },
  failed: { label: "Failed", tone: "bad", mark: "✕" },
};

/** @param {JobSummary["status"]} status */
export const statusLabel = (status) => looks[status].label;

/** @param {Pick<JobSummary, "status"> & { error?: JobSummary["error"] }} job */
export function StatusChip({ status, error }) {
  const cancelled = status === "failed" && error?.code === "CANCELLED";
  const { label, tone, mark } = cancelled ? { label: "Cancelled", tone: "idle", mark: "–" } : looks[status];
  return html`<span class="chip chip-${tone}"><span aria-hidden="true">${mark}</span> ${label}</span>`;
}
