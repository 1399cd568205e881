/** Bytes that this process holds: the heap and what buffers keep outside of it, without what can be collected. */
export function liveBytes(): number {
  if (globalThis.gc === undefined) throw new Error("Run with --expose-gc, as vitest.config.ts does.");
  // One collection leaves the memory of dead buffers to be freed later; the next one begins by freeing it.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
