import { request } from "./request.js";
import { useLoaded } from "./use-loaded.js";

/**
 * @typedef {"download" | "translate"} Stage
 * @typedef {{ ready: number, unacked: number | null, delayed: number, dead: number, consumers: number }} QueueCounts
 * @typedef {object} Queues
 * @property {{ stage: Stage, name: string, counts: QueueCounts | null }[]} items
 * @property {{ waiting: number, scheduled: number, rejected: number, oldestAt: string | null }} outbox
 *
 * @typedef {{ id: string, jobId: string | null, reason: string, attempts: number, at: string, errors: string[] }} DeadLetter
 * @typedef {import("@showcase/contracts").ProviderState} Provider
 */

const EVERY_MS = 5_000;
const BASE = "/api/v1";

export const useQueues = () => useLoaded("queues", readQueues, { everyMs: EVERY_MS });
export const useProviders = () => useLoaded("providers", readProviders, { everyMs: EVERY_MS * 2 });

/**
 * @param {Stage} stage
 * @returns {Promise<{ items: DeadLetter[] }>}
 */
export const getDeadLetters = (stage) => request(`${BASE}/queues/${stage}/dead-letters`);

/**
 * @param {Stage} stage
 * @returns {Promise<{ redriven: number, left: number }>}
 */
export const redrive = (stage) => request(`${BASE}/queues/${stage}/redrive`, { method: "POST" });

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Queues>}
 */
function readQueues(signal) {
  return request(`${BASE}/queues`, { signal });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<{ items: Provider[] }>}
 */
function readProviders(signal) {
  return request(`${BASE}/providers`, { signal });
}
