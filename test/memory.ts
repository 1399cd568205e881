/** Returns the number of bytes that this process uses after a garbage collection: the heap, and the buffers outside of the heap. */
export function liveBytes(): number {
  if (globalThis.gc === undefined)
    throw new Error("The garbage collector is not available. Run Node with --expose-gc, like vitest.config.ts.");
  // The second collection frees the memory of buffers that the first one has collected.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
