/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. Never rejects. */
export async function pause(ms: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** Lets the process end although the timer is active. A browser's timer is a number, which has no such method. */
export function unref(timer: { unref?(): unknown } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
