import { useEffect } from "/vendor/hooks.js";
import { html } from "../lib/html.js";

/**
 * A view's heading, which takes the focus when someone comes here, and names the browser's tab.
 *
 * @param {{ title: string, inTab?: string }} props
 */
export function Heading({ title, inTab = title }) {
  useEffect(() => {
    document.title = `${inTab} – Subtitles`;
  }, [inTab]);
  return html`<h1 tabindex="-1" dir="auto">${title}</h1>`;
}

/** Brings the focus to where a view begins. */
export function focusHeading() {
  document.querySelector("h1")?.focus();
}
