import { createValue } from "./value.js";

/** Text that a screen reader announces next. It only has results that the user waits for: no progress, and no own actions. */
export const announcement = createValue("");

/** @param {string} text */
export function announce(text) {
  // The same text is announced again only after a change.
  announcement.set(announcement.current === text ? `${text}\u00a0` : text);
}
