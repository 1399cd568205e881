/**
 * Details of a job from its workers, in the types of `contracts/src/details.ts`.
 *
 * @typedef {import("@showcase/contracts").ResultDetails} ResultDetails
 * @typedef {NonNullable<ResultDetails["subtitle"]>} Subtitle the chosen one, with the reason
 * @typedef {NonNullable<ResultDetails["translation"]>} Translation the counts of each kind
 */

/**
 * Returns the details. Some can be missing if the worker has another version.
 *
 * @param {import("./api.js").JobDetail} job
 * @returns {ResultDetails}
 */
export const detailsOf = ({ details }) => /** @type {ResultDetails} */ (details);
