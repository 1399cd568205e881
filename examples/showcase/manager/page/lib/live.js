import { createEventParser } from "./event-stream.js";
import { ApiError, send } from "./request.js";
import { token } from "./token.js";
import { createValue } from "./value.js";

/**
 * Events of `/api/v1/events`.
 *
 * @typedef {{ type: "job", job: import("./api.js").JobSummary } | { type: "deleted", id: string } | { type: "resync" }} LiveEvent
 *
 * @typedef {object} Connection
 * @property {"connecting" | "live" | "waiting" | "refused"} state waiting: it broke, and the next attempt is at `retryAt`
 * @property {number | null} retryAt
 * @property {number | null} lostAt time since which the page can be out of date; null: it is up to date
 */

/** Time after which a silent connection counts as dead. The server sends a comment every 15 seconds. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** State of the live connection. */
export const connection = createValue(/** @type {Connection} */ ({ state: "connecting", retryAt: null, lostAt: null }));

/** @type {Set<(event: LiveEvent) => void>} */
const listeners = new Set();
let lastEventId = "";
let wake = () => {};
let hangUp = () => {};

/**
 * @param {(event: LiveEvent) => void} listener `resync`: events were missed, so read everything again
 * @returns {() => void} a function that stops it
 */
export function onLive(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Connects now instead of at the next attempt. */
export function reconnect() {
  wake();
}

/** Opens the only connection of the page, and opens it again after a break. */
export async function startLive() {
  addEventListener("online", reconnect);
  token.follow(() => {
    hangUp();
    wake();
  });
  for (let failures = 0; ; failures += 1) {
    try {
      await listen(() => {
        failures = 0;
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        await waitFor("refused");
        continue;
      }
    }
    await waitFor("waiting", Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS) * (0.75 + Math.random() / 2));
  }
}

/** @param {() => void} onOpen */
async function listen(onOpen) {
  const call = new AbortController();
  hangUp = () => call.abort();
  let timer = setTimeout(hangUp, SILENCE_MS);
  try {
    const reply = await send("/api/v1/events", {
      headers: { accept: "text/event-stream", ...(lastEventId && { "last-event-id": lastEventId }) },
      signal: call.signal,
    });
    onOpen();
    connection.set({ state: "live", retryAt: null, lostAt: null });
    const parse = createEventParser();
    const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      clearTimeout(timer);
      timer = setTimeout(hangUp, SILENCE_MS);
      for (const event of parse(piece.value)) tell(event);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @param {import("./event-stream.js").StreamEvent} event */
function tell({ type, data, id }) {
  lastEventId = id;
  const event = liveEvent(type, data);
  if (event) for (const listener of [...listeners]) listener(event);
}

/**
 * @param {string} type
 * @param {string} data
 * @returns {LiveEvent | null}
 */
function liveEvent(type, data) {
  if (type === "job") return { type, job: JSON.parse(data) };
  if (type === "deleted") return { type, id: JSON.parse(data).id };
  return type === "resync" ? { type } : null;
}

/**
 * @param {"waiting" | "refused"} state
 * @param {number} [ms] default: until `wake`
 */
async function waitFor(state, ms) {
  const lostAt = connection.current.lostAt ?? Date.now();
  connection.set({ state, retryAt: ms === undefined ? null : Date.now() + ms, lostAt });
  await new Promise((resolve) => {
    wake = () => resolve(undefined);
    if (ms !== undefined) setTimeout(resolve, ms);
  });
  wake = () => {};
  connection.set({ state: "connecting", retryAt: null, lostAt });
}
