/**
 * Jobs that are shown, newest first, and their changes by live updates. These functions send no requests.
 *
 * @typedef {import("./api.js").JobPage} JobList
 * @typedef {import("./api.js").JobSummary} JobSummary
 * @typedef {import("./filter.js").Filter} Filter
 */

/**
 * @param {JobList} list
 * @param {JobSummary} job in its current state
 * @param {Filter} filter
 * @returns {JobList} the list that a reload would show: the job is changed, moved, added or removed
 */
export function withJob(list, job, filter) {
  const known = list.items.find(({ id }) => id === job.id);
  if (known && isOlder(job, known)) return list;
  if (!fits(job, filter)) return known ? withoutJob(list, job.id) : list;
  // Only the server can search, so a search adds no new jobs.
  if (!known && filter.q) return list;

  const others = list.items.filter(({ id }) => id !== job.id);
  const at = placeOf(filter);
  const after = others.findIndex((other) => at(other) < at(job));
  const index = after < 0 ? others.length : after;
  // The job is on a page below the last one, which was not loaded.
  if (!known && index === others.length && list.cursor !== null) return list;
  return { ...list, items: others.toSpliced(index, 0, job) };
}

/**
 * @param {JobList} list
 * @param {string} id
 * @returns {JobList}
 */
export function withoutJob(list, id) {
  return list.items.some((job) => job.id === id) ? { ...list, items: list.items.filter((job) => job.id !== id) } : list;
}

/**
 * @param {JobList} list
 * @param {JobList} page that begins where the list ends
 * @returns {JobList}
 */
export function withPage(list, page) {
  // Jobs that changed in the meantime can be in both pages.
  const shown = new Set(list.items.map(({ id }) => id));
  return { ...page, items: [...list.items, ...page.items.filter(({ id }) => !shown.has(id))] };
}

/**
 * @param {JobSummary} job
 * @param {JobSummary} other
 */
export function isOlder(job, other) {
  return job.version === other.version ? job.updatedAt < other.updatedAt : job.version < other.version;
}

/**
 * @param {JobSummary} job
 * @param {Filter} filter
 */
function fits(job, { status, language, targetLanguage }) {
  return (
    (!status || job.status === status) &&
    (!language || job.language === language) &&
    (!targetLanguage || job.targetLanguage === targetLanguage)
  );
}

/**
 * @param {Filter} filter
 * @returns {(job: JobSummary) => string} the key by which the API sorts
 */
function placeOf({ status }) {
  return status ? ({ statusAt }) => statusAt : ({ createdAt }) => createdAt;
}
