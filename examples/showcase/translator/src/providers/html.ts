import { decodeHTML } from "entities";

/** Tags of HTML that a translator moves together with their words. */
const HTML_TAG = /^<\/?(?:i|b|u|em|strong|font)(?:\s[^<>]*)?>$/i;
const TAG = /<\/?[a-z][^<>\n]*>|<[\d:.]+>|\{\\[^{}\n]*\}/gi;
const MARKER = /<b id="t(\d+)">\s*<\/b>/;

/** Converts a text to HTML. Tags that are not HTML become markers, and `restore` converts them back. */
export function toHtml(text: string): { readonly html: string; restore(translated: string): string } {
  const hidden: string[] = [];
  let [html, end] = ["", 0];
  for (const match of text.matchAll(TAG)) {
    const [tag] = match;
    html += escapeHtml(text.slice(end, match.index));
    html += HTML_TAG.test(tag) ? tag : `<b id="t${hidden.push(tag) - 1}"></b>`;
    end = match.index + tag.length;
  }
  html += escapeHtml(text.slice(end));
  const restore = (translated: string) =>
    translated
      .split(MARKER)
      .map((part, at) => (at % 2 === 0 ? decodeHTML(part) : (hidden[Number(part)] ?? "")))
      .join("");
  return { html, restore };
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
