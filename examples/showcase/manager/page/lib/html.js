import htm from "/vendor/htm.js";
import { h } from "/vendor/preact.js";

/** Markup as a template: what is put into it is text or a component, never markup. */
export const html = htm.bind(h);
