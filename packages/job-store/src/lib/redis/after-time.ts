/**
 * Calls back after `ms` milliseconds, and after the event loop has read the data that had arrived by then. After a busy period,
 * the event loop runs timers before it reads. Returns a function that cancels the callback.
 */
export function afterTime(ms: number, callback: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(
    () => {
      immediate = setImmediate(callback);
    },
    Math.max(0, ms),
  );
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
