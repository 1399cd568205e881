/**
 * Filter of the list of jobs. It is in the address: `/?status=failed&language=en&q=ferry`.
 *
 * @typedef {object} Filter
 * @property {import("./api.js").Status | ""} status
 * @property {string} language
 * @property {string} targetLanguage
 * @property {string} q
 */

/** @type {readonly import("./api.js").Status[]} */
export const statuses = ["pending", "downloading", "translating", "completed", "failed"];

/** @type {Filter} */
export const everything = { status: "", language: "", targetLanguage: "", q: "" };

/**
 * @param {URLSearchParams} query
 * @returns {Filter}
 */
export function filterOf(query) {
  const of = (/** @type {string} */ name) => query.get(name)?.trim() ?? "";
  const status = statuses.find((one) => one === of("status")) ?? "";
  return { status, language: of("language"), targetLanguage: of("targetLanguage"), q: of("q") };
}

/**
 * @param {Filter} filter
 * @returns {URLSearchParams} for the address of the page and of the API
 */
export function queryOf(filter) {
  return new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ""));
}

/** @param {Filter} filter */
export function addressOf(filter) {
  const query = queryOf(filter).toString();
  return query ? `/?${query}` : "/";
}
