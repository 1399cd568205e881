import { html } from "../lib/html.js";
import { Heading } from "../parts/heading.js";

export function NotFoundView() {
  return html`
    <${Heading} title="There is no such page" />
    <p>The address may be mistyped. <a href="/">Back to the jobs</a></p>
  `;
}
