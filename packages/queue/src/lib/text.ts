const encoder = new TextEncoder();

/** Number of bytes that a text has in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** True if the text has no half of a surrogate pair. Such a half does not survive UTF-8: it would arrive as another text. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Replaces each half of a surrogate pair. */
export function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
