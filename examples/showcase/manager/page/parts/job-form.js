import { html } from "../lib/html.js";
import { Notice } from "./notice.js";

/** @param {{ form: import("../lib/use-form.js").Form<any>, action: string, children?: unknown }} props */
export function JobForm({ form: { problem, sending, submit }, action, children }) {
  return html`
    <form class="form card" onSubmit=${submit} novalidate>
      ${problem && html`<${Notice} tone="bad" alert title="That did not work.">${problem}<//>`} ${children}
      <div class="buttons">
        <button class="button button-main" aria-disabled=${sending}>${sending ? "Sending …" : action}</button>
      </div>
    </form>
  `;
}
