import { createValue } from "./value.js";

/** What a screen reader is to say next. Only what someone waits for: never progress, never what they just did. */
export const announcement = createValue("");

/** @param {string} text */
export function announce(text) {
  // Said again only if it changes.
  announcement.set(announcement.current === text ? `${text}\u00a0` : text);
}
