import { createValue } from "./value.js";

const KEY = "token";

/** What the API is shown to be let in; null where it asked for nothing. This tab keeps it until it is closed. */
export const token = createValue(sessionStorage.getItem(KEY));

/** Whether the API refused what it was shown, or wants to be shown something. */
export const refused = createValue(false);

/** @param {string} text */
export function signIn(text) {
  sessionStorage.setItem(KEY, text);
  token.set(text);
  refused.set(false);
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  token.set(null);
  refused.set(true);
}

/** @returns {Record<string, string>} */
export function authorization() {
  return token.current === null ? {} : { authorization: `Bearer ${token.current}` };
}
