import { useEffect, useReducer, useRef } from "/vendor/hooks.js";
import { announce } from "../lib/announce.js";
import { timeOfDay } from "../lib/format.js";
import { html } from "../lib/html.js";
import { connection, reconnect } from "../lib/live.js";
import { useValue } from "../lib/value.js";
import { Notice } from "./notice.js";

/**
 * Shows problems above every view: the page is out of date, or jobs are not processed.
 *
 * @param {{ health: import("../lib/health.js").Health }} props
 */
export function Banner({ health }) {
  const { lostAt, retryAt, state } = useValue(connection);
  const lost = lostAt !== null && state !== "refused";
  useAnnounced(lost);
  if (health.level === "bad" || health.level === "poor") {
    const tryAgain = () => {
      reconnect();
      health.reload();
    };
    return html`
      <section class="banner" aria-label="State of the service">
        <${Notice} tone=${health.level} title=${health.title} action=${{ label: "Check again", run: tryAgain }}>
          ${health.text}
        <//>
      </section>
    `;
  }
  if (!lost) return null;
  return html`
    <section class="banner" aria-label="State of the service">
      <${Notice} tone="poor" title="Live updates are interrupted." action=${{ label: "Reconnect now", run: reconnect }}>
        What you see is as of ${timeOfDay(lostAt)}. <${Countdown} until=${retryAt} />
      <//>
    </section>
  `;
}

/** @param {{ until: number | null }} props */
function Countdown({ until }) {
  const [, draw] = useReducer((/** @type {number} */ count) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => draw(undefined), 1000);
    return () => clearInterval(timer);
  }, []);
  if (until === null) return "Connecting …";
  return `Trying again in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s.`;
}

/** @param {boolean} lost */
function useAnnounced(lost) {
  const before = useRef(lost);
  useEffect(() => {
    if (before.current !== lost) announce(lost ? "Live updates are interrupted." : "Live updates continue.");
    before.current = lost;
  }, [lost]);
}
