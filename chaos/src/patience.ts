import { setTimeout as pause } from "node:timers/promises";

/** Repeats what a fault may still keep from succeeding. @throws its last error, after `limitMs` */
export async function patiently<T>(act: () => Promise<T>, limitMs = 30_000): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(50);
    }
  }
}

/** Whether something came to hold within the time. */
export async function comesToHold(holds: () => Promise<boolean>, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) return false;
    await pause(200);
  }
  return true;
}
