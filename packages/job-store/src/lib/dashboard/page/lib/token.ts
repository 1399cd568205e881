import { signal } from "@preact/signals";

const KEY = "job-store-dashboard-token";

/** Token that the user entered. It is kept until the tab is closed, and is sent only in a header. */
export const token = signal<string | null>(sessionStorage.getItem(KEY));

/** Keeps the token of the user, or forgets it. */
export function setToken(value: string | null): void {
  token.value = value;
  if (value === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, value);
}

/** True if the server refused the last token, or needs one. */
export const needsToken = signal(false);
