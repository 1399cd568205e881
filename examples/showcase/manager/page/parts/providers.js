import { number, upcoming } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Ago } from "./time.js";

/** @typedef {import("../lib/service.js").Provider} Provider */

/** @param {{ providers: readonly Provider[] }} props */
export function Providers({ providers }) {
  if (providers.length === 0) return html`<p class="hint">No worker has reported a provider yet.</p>`;
  return html`
    <table class="plain">
      <thead>
        <tr><th scope="col">Name</th><th scope="col">State</th><th scope="col">Updated</th></tr>
      </thead>
      <tbody>
        ${providers.map(
          (provider) => html`
            <tr>
              <th scope="row">${provider.name}</th>
              <td>${providerText(provider)}</td>
              <td><${Ago} at=${provider.updatedAt} /></td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

/** @param {Provider} provider */
export function providerText({ remaining, allowed, resetsAt, throttledUntil, reason }) {
  if (throttledUntil && Date.parse(throttledUntil) > Date.now()) {
    return `not called until ${upcoming(throttledUntil)}${reason ? `: ${reason}` : ""}`;
  }
  if (remaining === null) return "in use, no quota known";
  const of = allowed === null ? "" : ` of ${number(allowed)}`;
  return `${number(remaining)}${of} left${resetsAt ? ` until ${upcoming(resetsAt)}` : ""}`;
}
