import { once } from "node:events";

/** Runners such as npm pass a Ctrl-C on that the app has got already: what follows so soon is the same one. */
const SAME_SIGNAL_MS = 1000;

/** Aborts on SIGTERM or Ctrl-C. Who asks again later does not want to wait: that ends the process at once. */
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

export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
