import { createValue } from "./value.js";

/**
 * Current view. It is stored only in the address, so that links, bookmarks and "back" work.
 *
 * @typedef {object} Place
 * @property {string} path
 * @property {URLSearchParams} query
 */

/** Addresses of the page. The browser opens all others, such as files and the description of the API. */
const OWN = /^\/($|new$|service$|jobs\/[^/]+$)/;

export const place = createValue(here());

addEventListener("popstate", () => place.set(here()));

/**
 * @param {string} href
 * @param {{ replace?: boolean }} [options] replace: "back" skips the current address
 */
export function go(href, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  place.set(here());
}

/** Opens links to the page's own addresses without loading the page again. */
export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || !isOurs(link) || isForBrowser(event)) return;
    event.preventDefault();
    if (link.href !== location.href) go(link.href);
  });
}

/** @param {HTMLAnchorElement} link */
function isOurs(link) {
  return link.origin === location.origin && OWN.test(link.pathname) && !link.hash && !link.hasAttribute("download");
}

/** @param {MouseEvent} event true for a click that opens a new tab or window, or that was handled already */
function isForBrowser(event) {
  return (
    event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey
  );
}

/** @returns {Place} */
function here() {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}
