import { html } from "../lib/html.js";

/**
 * Shows a message to the user.
 *
 * @param {{ tone: "bad" | "poor" | "plain", title?: string, alert?: boolean, action?: { label: string, run: () => void }, children?: unknown }} props
 * alert: it is the response to an action of the user, so screen readers announce it
 */
export function Notice({ tone, title, alert = false, action, children }) {
  return html`
    <div class="notice notice-${tone}" role=${alert ? "alert" : undefined}>
      <div class="notice-text">${title && html`<strong>${title}</strong>`} ${children}</div>
      ${action && html`<button type="button" class="button" onClick=${action.run}>${action.label}</button>`}
    </div>
  `;
}
