/** Lets the process end although the timer is active. A browser's timer is a number, which has no such method. */
export function unref(timer: NodeJS.Timeout): NodeJS.Timeout {
  if (typeof timer === "object") timer.unref();
  return timer;
}
