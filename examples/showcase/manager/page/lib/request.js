import { authorization, refused, token } from "./token.js";

/** @typedef {{ field: string, message: string }} FieldError */

/** The API refused (problem+json), or did not answer (status 0). The message is for people. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{ status?: number, code?: string, errors?: readonly FieldError[] }} [more]
   */
  constructor(message, { status = 0, code = "NO_ANSWER", errors = [] } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

/** The API answers within seconds or not at all. */
const PATIENCE_MS = 20_000;

/**
 * @typedef {object} RequestOptions
 * @property {"GET" | "POST" | "DELETE"} [method]
 * @property {BodyInit} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal | null | undefined} [signal]
 */

/**
 * @param {string} path
 * @param {RequestOptions} [options]
 * @returns {Promise<Response>} a success
 * @throws {ApiError}
 */
export async function send(path, { headers, signal = null, ...options } = {}) {
  const shown = token.current;
  const all = { ...headers, ...authorization() };
  const reply = await fetch(path, { ...options, headers: all, signal }).catch((error) => {
    signal?.throwIfAborted();
    throw new ApiError("The service does not answer.", { code: error.name });
  });
  if (reply.ok) return reply;
  // Someone may have signed in meanwhile: then this says nothing about that.
  if (reply.status === 401 && shown === token.current) refused.set(true);
  throw await problemOf(reply);
}

/**
 * @template T what the route's schema says that it answers
 * @param {string} path
 * @param {RequestOptions} [options]
 * @returns {Promise<T>}
 * @throws {ApiError}
 */
export async function request(path, { signal, ...options } = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const reply = await send(path, { ...options, signal: signal ? AbortSignal.any([signal, patience]) : patience }).catch(
    (error) => {
      signal?.throwIfAborted();
      throw patience.aborted ? new ApiError("The service did not answer in time.") : error;
    },
  );
  return reply.json();
}

/** @param {Response} reply */
async function problemOf(reply) {
  const { status } = reply;
  // A proxy in between may answer in its own way.
  const problem = await reply.json().catch(() => ({}));
  const { code = `HTTP_${status}`, detail = `The service answered with status ${status}.`, errors = [] } = problem;
  return new ApiError(detail, { status, code, errors });
}
