import { useEffect } from "/vendor/hooks.js";
import { html } from "../lib/html.js";

/**
 * Shows a view's heading. It gets the focus when the view opens, and is the title of the browser's tab.
 *
 * @param {{ title: string, inTab?: string }} props
 */
export function Heading({ title, inTab = title }) {
  useEffect(() => {
    document.title = `${inTab} – Subtitles`;
  }, [inTab]);
  return html`<h1 tabindex="-1" dir="auto">${title}</h1>`;
}

/** Moves the focus to the beginning of a view. */
export function focusHeading() {
  document.querySelector("h1")?.focus();
}
