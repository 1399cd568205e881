import { setTimeout as pause } from "node:timers/promises";

/** Repeats an action until it succeeds. @throws the last error after `limitMs` */
export async function retry<T>(action: () => Promise<T>, limitMs = 30_000): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(50);
    }
  }
}

/** Waits until a condition holds. Returns false if it does not hold within `limitMs`. An error counts as false. */
export async function waitUntil(condition: () => Promise<boolean>, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > end) return false;
    await pause(200);
  }
  return true;
}
