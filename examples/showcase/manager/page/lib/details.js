/**
 * What the workers tell of a job besides its status, as `contracts/src/details.ts` has it.
 *
 * @typedef {import("@showcase/contracts").ResultDetails} ResultDetails
 * @typedef {NonNullable<ResultDetails["subtitle"]>} Subtitle which one was chosen, and why
 * @typedef {NonNullable<ResultDetails["translation"]>} Translation what it is made of
 */

/**
 * They are for people to read: a worker of another version may leave some out.
 *
 * @param {import("./api.js").JobDetail} job
 * @returns {ResultDetails}
 */
export const detailsOf = ({ details }) => /** @type {ResultDetails} */ (details);
