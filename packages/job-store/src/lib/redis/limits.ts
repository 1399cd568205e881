/**
 * Bytes of stored records that one script, or one reply, touches at most, or one record if that is larger: a server does
 * nothing else meanwhile. As in lua/touch.lua; see docs/decisions/0016.
 */
export const MOST_TOUCHED = 2_097_152;

/** Bytes that no record exceeds in a store whose map has no other number. The largest page of such records fits. */
export const SMALL = 2048;
