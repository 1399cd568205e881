/**
 * Property of a change whose caller does not read the changed job: `updateStatus` then resolves to null, and the server sends no record.
 * Workers set it. A registered symbol, so that it works between two copies of the packages.
 */
export const WITHOUT_JOB: unique symbol = Symbol.for("@subtitles/job-store/without-job");
