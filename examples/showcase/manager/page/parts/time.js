import { ago, dateAndTime } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useNow } from "../lib/now.js";

/** @param {{ at: string }} props a time, shown as the time that has passed since then */
export function Ago({ at }) {
  return html`<time datetime=${at} title=${dateAndTime(at)}>${ago(at, useNow())}</time>`;
}

/** @param {{ at: string }} props */
export function Moment({ at }) {
  return html`<time datetime=${at}>${dateAndTime(at)}</time>`;
}
