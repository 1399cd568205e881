import htm from "/vendor/htm.js";
import { h } from "/vendor/preact.js";

/** Creates markup from a template. Inserted values are text or components, and never markup. */
export const html = htm.bind(h);
