import { request, send } from "./request.js";

/**
 * Responses of the API, in the types of its schemas.
 *
 * @typedef {import("../../src/api/views.js").JobSummary} JobSummary
 * @typedef {import("../../src/api/views.js").JobDetail} JobDetail
 * @typedef {JobSummary["status"]} Status
 * @typedef {{ items: JobSummary[], cursor: string | null, search: { searched: number, more: boolean } | null }} JobPage
 * @typedef {JobDetail & { outcome: "created" | "existing" | "restarted" }} Submitted
 * @typedef {{ id: number, startMs: number, endMs: number, source: string | null, target: string | null }} Cue
 * @typedef {{ language: string, targetLanguage: string | null, total: number, items: Cue[] }} CuePage
 * @typedef {{ videoUrl: string, videoTitle: string, language: string, targetLanguage: string | null }} Order
 */

const BASE = "/api/v1";

/**
 * @param {URLSearchParams} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<JobPage>}
 */
export const listJobs = (query, signal) => request(`${BASE}/jobs?${query}`, { signal });

/** @returns {Promise<Record<Status, number>>} */
export const countJobs = () => request(`${BASE}/counts`);

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<JobDetail>}
 */
export const getJob = (id, signal) => request(jobPath(id), { signal });

/**
 * @param {string} id
 * @param {{ offset: number, limit: number }} page
 * @param {AbortSignal} [signal]
 * @returns {Promise<CuePage>}
 */
export const getCues = (id, { offset, limit }, signal) =>
  request(`${jobPath(id)}/cues?offset=${offset}&limit=${limit}`, { signal });

/**
 * @param {string} id
 * @param {{ fromStart?: boolean }} [options]
 * @returns {Promise<JobDetail>}
 */
export const retryJob = (id, { fromStart = false } = {}) => request(`${jobPath(id)}/retry`, json({ fromStart }));

/**
 * @param {string} id
 * @returns {Promise<JobDetail>}
 */
export const cancelJob = (id) => request(`${jobPath(id)}/cancel`, { method: "POST" });

/** @param {string} id */
export const deleteJob = (id) => send(jobPath(id), { method: "DELETE" });

/**
 * @param {Order} order
 * @param {string} key the same for the same order, so that a repeated request creates no second job
 * @returns {Promise<Submitted>}
 */
export const submitJob = (order, key) => request(`${BASE}/jobs`, json(order, { "idempotency-key": key }));

/**
 * @param {File} file
 * @param {Omit<Order, "videoUrl">} about
 * @returns {Promise<Submitted>}
 */
export const uploadSubtitle = (file, { videoTitle, language, targetLanguage }) =>
  request(
    `${BASE}/translations?${new URLSearchParams({ videoTitle, language, targetLanguage: targetLanguage ?? "" })}`,
    {
      method: "POST",
      headers: { "content-type": file.name.toLowerCase().endsWith(".vtt") ? "text/vtt" : "application/x-subrip" },
      body: file,
    },
  );

/**
 * @param {string} id
 * @param {"srt" | "vtt"} format
 */
export const filePath = (id, format) => `${jobPath(id)}/file?format=${format}`;

/** @param {string} id */
const jobPath = (id) => `${BASE}/jobs/${encodeURIComponent(id)}`;

/** @param {string} path */
export const getFile = (path) => send(path);

/**
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 * @returns {import("./request.js").RequestOptions}
 */
function json(body, headers = {}) {
  return { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}
