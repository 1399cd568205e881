import { useEffect } from "/vendor/hooks.js";
import { counted } from "./format.js";
import { connection } from "./live.js";
import { useLoaded } from "./use-loaded.js";

/**
 * Fields of the response of `/readyz` that the page shows.
 *
 * @typedef {object} Readiness
 * @property {"healthy" | "degraded" | "unhealthy"} status
 * @property {{ status: string, warnings: string[] }} store
 * @property {{ status: string, warnings: string[] }} queue
 * @property {{ waiting: number | null }} outbox
 *
 * @typedef {object} Health
 * @property {"good" | "poor" | "bad" | "unknown"} level
 * @property {string} summary in two words
 * @property {string} title in a sentence
 * @property {string} text the effect for the user
 * @property {() => void} reload
 * @property {Readiness | null} readiness
 */

const EVERY_MS = 15_000;

/** @returns {Health} health of the service. It is read again regularly, and when the connection changes */
export function useHealth() {
  const { data, error, reload } = useLoaded("health", readiness, { everyMs: EVERY_MS });
  useEffect(() => connection.follow(reload), []);
  return { ...(error ? noAnswer : data ? described(data) : unknown), reload, readiness: error ? null : data };
}

/** @typedef {Pick<Health, "level" | "summary" | "title" | "text">} Description */

/** @type {Description} */
const unknown = { level: "unknown", summary: "Checking", title: "Checking …", text: "" };

/** @type {Description} */
const noAnswer = {
  level: "bad",
  summary: "No answer",
  title: "The service does not answer.",
  text: "What you see may be out of date, and nothing can be changed.",
};

/**
 * @param {Readiness} readiness
 * @returns {Description}
 */
function described({ status, store, queue, outbox }) {
  if (status === "unhealthy") {
    const title = "The job store (Redis) is unavailable.";
    return {
      level: "bad",
      summary: "Store unavailable",
      title,
      text: "Jobs can neither be read nor accepted until it is available again.",
    };
  }
  if (queue.status === "unhealthy") {
    const title = "The queue (RabbitMQ) is unavailable.";
    const waiting = outbox.waiting ? ` ${counted(outbox.waiting, "message")} in the outbox.` : "";
    const text = `New jobs are accepted, and wait until it is available again.${waiting}`;
    return { level: "poor", summary: "Queue unavailable", title, text };
  }
  const text = [...store.warnings, ...queue.warnings].join(" ");
  if (status === "degraded")
    return { level: "poor", summary: "Degraded", title: "A part of the service is slow or limited.", text };
  return { level: "good", summary: "All working", title: "Everything works.", text };
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Readiness>}
 */
async function readiness(signal) {
  const reply = await fetch("/readyz", { signal });
  // A response with 503 names the unavailable servers in its body.
  if (!reply.ok && reply.status !== 503) throw new Error(`/readyz answered ${reply.status}`);
  return reply.json();
}
