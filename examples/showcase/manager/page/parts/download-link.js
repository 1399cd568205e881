import { getFile } from "../lib/api.js";
import { html } from "../lib/html.js";
import { token } from "../lib/token.js";

/** @param {{ path: string, label: string, main?: boolean, onError: (error: Error) => void }} props */
export function DownloadLink({ path, label, main = false, onError }) {
  const fetchWithToken = async (/** @type {Event} */ event) => {
    // A link cannot send a token. Without a token, the browser downloads the file itself.
    if (token.current === null) return;
    event.preventDefault();
    await save(path).catch(onError);
  };
  return html`<a class=${main ? "button button-main" : "button"} href=${path} download onClick=${fetchWithToken}>${label}</a>`;
}

/** @param {string} path */
async function save(path) {
  const reply = await getFile(path);
  const link = document.createElement("a");
  link.download = fileName(reply.headers.get("content-disposition") ?? "");
  link.href = URL.createObjectURL(await reply.blob());
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {string} disposition */
function fileName(disposition) {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  return encoded ? decodeURIComponent(encoded) : (/filename="?([^";]+)/i.exec(disposition)?.[1] ?? "subtitle.srt");
}
