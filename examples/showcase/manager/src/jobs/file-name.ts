/** The name that video players look for beside a film, without what file systems refuse. */
export function subtitleName(videoTitle: string, language: string, format: string): string {
  const title = videoTitle
    .replace(/[\p{Control}\p{Surrogate}\p{Bidi_Control}<>:"/\\|?*]+/gu, " ")
    .replace(/\s+/g, " ")
    .slice(0, 120)
    .replace(/^[\s.]+|[\s.]+$/g, "");
  return `${title || "subtitle"}.${language}.${format}`;
}
