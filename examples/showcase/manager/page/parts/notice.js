import { html } from "../lib/html.js";

/**
 * Something that the reader should know.
 *
 * @param {{ tone: "bad" | "poor" | "plain", title?: string, alert?: boolean, action?: { label: string, run: () => void }, children?: unknown }} props
 * alert: it is the answer to what they just did, and is read out
 */
export function Notice({ tone, title, alert = false, action, children }) {
  return html`
    <div class="notice notice-${tone}" role=${alert ? "alert" : undefined}>
      <div class="notice-text">${title && html`<strong>${title}</strong>`} ${children}</div>
      ${action && html`<button type="button" class="button" onClick=${action.run}>${action.label}</button>`}
    </div>
  `;
}
