/** Abort signal that follows another signal, and that its owner can also abort. */
export interface Abortable extends Disposable {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/**
 * Returns a signal that aborts together with `signal`, after `timeoutMs` milliseconds (with a `TimeoutError`, if it is given), or
 * by `abort()`. Dispose of it at the end of the work, to clear the timer and the listener.
 *
 * This replaces `AbortSignal.any([signal, AbortSignal.timeout(ms)])`. Node 20 garbage-collects a timeout that only the combined
 * signal refers to, and then it never fires (nodejs/node#57736). Here, the timer holds the controller.
 */
export function abortable(signal: AbortSignal, timeoutMs?: number): Abortable {
  const controller = new AbortController();
  const follow = () => controller.abort(signal.reason);
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(
          () => controller.abort(new DOMException(`no reply within ${timeoutMs} ms`, "TimeoutError")),
          timeoutMs,
        );
  if (signal.aborted) follow();
  else signal.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", follow);
    },
  };
}
