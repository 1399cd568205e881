import { ago, dateAndTime } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useNow } from "../lib/now.js";

/** @param {{ at: string }} props a moment, by how long ago it was */
export function Ago({ at }) {
  return html`<time datetime=${at} title=${dateAndTime(at)}>${ago(at, useNow())}</time>`;
}

/** @param {{ at: string }} props */
export function Moment({ at }) {
  return html`<time datetime=${at}>${dateAndTime(at)}</time>`;
}
