import { useLayoutEffect, useRef } from "/vendor/hooks.js";
import { html } from "../lib/html.js";

/**
 * Asks before an action that cannot be undone. The dialog of the browser keeps the focus, reads Escape as no, and returns
 * the focus when it is closed.
 *
 * @param {{ title: string, yes: string, no: string, onYes: () => void, onNo: () => void, children?: unknown }} props
 */
export function Confirm({ title, yes, no, onYes, onNo, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return html`
    <dialog ref=${dialog} aria-labelledby="confirm-title" onCancel=${onNo}>
      <h2 id="confirm-title">${title}</h2>
      <p>${children}</p>
      <div class="buttons">
        <button type="button" class="button" onClick=${onNo}>${no}</button>
        <button type="button" class="button button-bad" onClick=${onYes}>${yes}</button>
      </div>
    </dialog>
  `;
}
