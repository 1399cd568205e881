/**
 * Calls back once the time is over and the event loop has read what had arrived by then: if the loop was busy, its timers run
 * before that. Returns what cancels it.
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
