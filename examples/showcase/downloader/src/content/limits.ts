/** Far more than any film says, in bytes. */
export const LARGEST_SUBTITLE_BYTES = 5 * 1024 * 1024;
/** Text packs to a tenth or so; what unpacks to a hundred times its size is there to fill the memory. */
export const HIGHEST_RATIO = 100;
export const MOST_ARCHIVE_ENTRIES = 200;
