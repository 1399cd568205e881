import type { WorkerEvent } from "./types.js";

/** Reports an event. Never throws. */
export type Emit = (event: WorkerEvent) => void;

/**
 * Wraps the listener of a worker so that its errors and rejections are ignored.
 *
 * @param count counts an event for metrics
 */
export function emitter(onEvent: ((event: WorkerEvent) => unknown) | undefined, count: Emit): Emit {
  return (event) => {
    try {
      count(event);
      const result = onEvent?.(event);
      // An async listener returns a promise, although its type does not say so.
      if (typeof result === "object" && result !== null) Promise.resolve(result).catch(() => undefined);
    } catch {
      // A failing logger must not affect the worker.
    }
  };
}
