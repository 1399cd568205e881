import { createValue } from "./value.js";

/**
 * Where the page is. The address is the only memory of it, so that links, bookmarks and "back" work.
 *
 * @typedef {object} Place
 * @property {string} path
 * @property {URLSearchParams} query
 */

/** The page's own addresses. All others, such as files and the API's description, are the browser's. */
const OWN = /^\/($|new$|service$|jobs\/[^/]+$)/;

export const place = createValue(here());

addEventListener("popstate", () => place.set(here()));

/**
 * @param {string} href
 * @param {{ replace?: boolean }} [options] replace: "back" skips the present address
 */
export function go(href, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  place.set(here());
}

/** Lets links to the page's own addresses change what it shows, instead of loading it anew. */
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

/** @param {MouseEvent} event a new tab or window is asked for, or someone took care of it */
function isForBrowser(event) {
  return (
    event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey
  );
}

/** @returns {Place} */
function here() {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}
