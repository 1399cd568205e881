/**
 * The jobs that are shown, newest first, and how live updates change them. Nothing here talks to anyone.
 *
 * @typedef {import("./api.js").JobPage} JobList
 * @typedef {import("./api.js").JobSummary} JobSummary
 * @typedef {import("./filter.js").Filter} Filter
 */

/**
 * @param {JobList} list
 * @param {JobSummary} job as it is now
 * @param {Filter} filter
 * @returns {JobList} the job changed, moved, added or taken out: what a reload would show
 */
export function withJob(list, job, filter) {
  const known = list.items.find(({ id }) => id === job.id);
  if (known && isOlder(job, known)) return list;
  if (!fits(job, filter)) return known ? withoutJob(list, job.id) : list;
  // What a search looks through, only the server can tell: it finds nothing new by itself.
  if (!known && filter.q) return list;

  const others = list.items.filter(({ id }) => id !== job.id);
  const at = placeOf(filter);
  const after = others.findIndex((other) => at(other) < at(job));
  const index = after < 0 ? others.length : after;
  // Below the last one there are pages that were not asked for: it is on one of those.
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
  // What changed in between may be in both.
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
 * @returns {(job: JobSummary) => string} by what the API sorts
 */
function placeOf({ status }) {
  return status ? ({ statusAt }) => statusAt : ({ createdAt }) => createdAt;
}
