import { once } from "node:events";

/** Runners such as npm pass on a Ctrl-C that the app has received already: what follows so soon is the same one. */
const SAME_SIGNAL_MS = 1000;

/** Aborts on SIGTERM or Ctrl-C. A second one, from someone who does not want to wait, ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const stop = () => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    firstAt = performance.now();
    controller.abort();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return controller.signal;
}

/** Resolves once the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
