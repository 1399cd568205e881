/**
 * Maximum number of bytes of stored records in one script or one reply, or one record if that is larger. The server runs
 * nothing else during that time. The same number is in lua/touch.lua; see docs/decisions/0016.
 */
export const MOST_TOUCHED = 2_097_152;

/** Bound for the size of a record if the map contains none. The largest page of such records fits. */
export const SMALL = 2048;
