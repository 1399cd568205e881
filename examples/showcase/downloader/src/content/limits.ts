/** Maximum size of a subtitle in bytes. Subtitles of films are much smaller. */
export const LARGEST_SUBTITLE_BYTES = 5 * 1024 * 1024;
/** Maximum ratio of the unpacked to the packed size. Text has about 10. A ratio of 100 or more is an attack on the memory. */
export const HIGHEST_RATIO = 100;
export const MOST_ARCHIVE_ENTRIES = 200;
