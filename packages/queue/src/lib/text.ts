const encoder = new TextEncoder();

/** Returns the number of bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Returns true if a text has more bytes in UTF-8. A UTF-16 code unit has at most three, so most texts need not be measured. */
export function hasMoreBytes(text: string, limit: number): boolean {
  return text.length * 3 > limit && byteLength(text) > limit;
}

/** Returns true if the text contains no unpaired surrogate. UTF-8 cannot represent one: it would arrive as another character. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Maximum length of a stored reason or error, in characters. */
const MAX_REASON_LENGTH = 300;

/** Cuts a reason at its maximum length. */
export function shorten(reason: string): string {
  // A cut can split a surrogate pair, and neither headers nor JSON in UTF-8 can contain one half of it.
  return toWellFormed(reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason);
}

/** Replaces each unpaired surrogate. */
function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
