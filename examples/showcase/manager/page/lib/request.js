import { authorization, refused, token } from "./token.js";

/** @typedef {{ field: string, message: string }} FieldError */

/** The API rejected the request (problem+json), or did not answer (status 0). The message is human-readable. */
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

/** Time limit of a request. The API answers within seconds. */
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
  // Ignores this response if the user has signed in since the request.
  if (reply.status === 401 && shown === token.current) refused.set(true);
  throw await problemOf(reply);
}

/**
 * @template T response in the route's schema
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
  // A proxy can answer in another form.
  const problem = await reply.json().catch(() => ({}));
  const { code = `HTTP_${status}`, detail = `The service answered with status ${status}.`, errors = [] } = problem;
  return new ApiError(detail, { status, code, errors });
}
