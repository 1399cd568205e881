/** Returns the bytes that this process uses after a garbage collection: the heap, and the memory of buffers outside it. */
export function liveBytes(): number {
  if (globalThis.gc === undefined) throw new Error("Run with --expose-gc, as vitest.config.ts does.");
  // One collection leaves the memory of dead buffers to be freed later; the next one begins by freeing it.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
