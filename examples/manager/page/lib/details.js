/**
 * What the workers tell of a job besides its status.
 *
 * @typedef {object} Subtitle which one was chosen, and why
 * @property {string} source
 * @property {string} name
 * @property {string} language
 * @property {string} format
 * @property {string} encoding
 * @property {string} encodingFoundBy
 * @property {number} bytes
 * @property {string} because
 * @property {number} candidates
 * @property {{ source: string, name: string, why: string }[]} passedOver
 *
 * @typedef {object} Translation
 * @property {string} provider
 * @property {number} total
 * @property {number} covered
 * @property {number} coverage
 * @property {number} exact
 * @property {number} fuzzy
 * @property {number} machine
 * @property {number[]} fuzzyCues
 * @property {number} uncovered
 * @property {{ index: number, text: string }[]} uncoveredCues
 * @property {number} resumed
 *
 * @typedef {{ subtitle?: Subtitle, translation?: Translation, warnings?: string[] }} Details
 */

/**
 * @param {import("./api.js").JobDetail} job
 * @returns {Details}
 */
export const detailsOf = ({ details }) => /** @type {Details} */ (details);
