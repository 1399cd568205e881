/** UTF-8 and base64url with functions that both Node and browsers have. */

const encoder = new TextEncoder();

/** Number of bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Base64url of bytes, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return binaryToBase64url(binary);
}

function binaryToBase64url(binary: string): string {
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Base64url of the UTF-8 of a text, without padding. */
export function textToBase64url(text: string): string {
  const bytes = encoder.encode(text);
  // A text with as many bytes as characters is ASCII, and so its own bytes.
  return bytes.length === text.length ? binaryToBase64url(text) : toBase64url(bytes);
}

/** Text that `textToBase64url` encoded. @throws if it is not base64url or not UTF-8 */
export function textFromBase64url(encoded: string): string {
  const binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}
