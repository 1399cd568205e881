import { createValue } from "./value.js";

const KEY = "token";

/** Token for the API; null if there is none. It is kept until this tab is closed. */
export const token = createValue(sessionStorage.getItem(KEY));

/** True if the API rejected the token, or needs one. */
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
