/** Returns the name under which video players find a subtitle next to a film, without the characters that file systems reject. */
export function subtitleName(videoTitle: string, language: string, format: string): string {
  const title = videoTitle
    .replace(/[\p{Control}\p{Surrogate}\p{Bidi_Control}<>:"/\\|?*]+/gu, " ")
    .replace(/\s+/g, " ")
    .slice(0, 120)
    .replace(/^[\s.]+|[\s.]+$/g, "");
  return `${title || "subtitle"}.${language}.${format}`;
}
