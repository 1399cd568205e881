import { html } from "../lib/html.js";

/**
 * Shows an input with its label, a hint and its error.
 *
 * @param {object} props
 * @param {string} props.name
 * @param {string} props.label
 * @param {string} [props.hint]
 * @param {string} [props.error]
 * @param {string} props.value
 * @param {(value: string) => void} props.onInput
 * @param {string} [props.type]
 * @param {string} [props.list]
 * @param {string} [props.autocomplete]
 * @param {string} [props.placeholder]
 */
export function Field({ name, label, hint, error, value, onInput, ...input }) {
  return html`
    <${Labelled} name=${name} label=${label} hint=${hint} error=${error}>
      <input
        ...${describedBy(name, { hint, error })}
        ...${input}
        value=${value}
        onInput=${(/** @type {{ currentTarget: HTMLInputElement }} */ event) => onInput(event.currentTarget.value)}
      />
    <//>
  `;
}

/** @param {{ name: string, label: string, hint?: string, error?: string, children?: unknown }} props */
export function Labelled({ name, label, hint, error, children }) {
  return html`
    <div class="field">
      <label for=${fieldId(name)}>${label}</label>
      ${children} ${hint && html`<p class="hint" id=${`${fieldId(name)}-hint`}>${hint}</p>`}
      ${error && html`<p class="field-error" id=${`${fieldId(name)}-error`}>${error}</p>`}
    </div>
  `;
}

/**
 * Returns the attributes that connect an input with its label, hint and error.
 *
 * @param {string} name
 * @param {{ hint?: string | undefined, error?: string | undefined }} texts
 */
export function describedBy(name, { hint, error }) {
  const id = fieldId(name);
  const texts = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return { id, name, "aria-invalid": error ? "true" : undefined, "aria-describedby": texts || undefined };
}

/** @param {string} name */
const fieldId = (name) => `field-${name}`;
