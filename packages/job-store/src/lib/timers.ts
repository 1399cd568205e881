/** Lets the process end although this timer has not fired. Timers of a browser are numbers and need nothing. */
export function keepsNothingAlive(timer: NodeJS.Timeout): NodeJS.Timeout {
  if (typeof timer === "object") timer.unref();
  return timer;
}
