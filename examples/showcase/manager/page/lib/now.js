import { createValue, useValue } from "./value.js";

/** The time, in milliseconds, as exact as "3 minutes ago" needs it. */
const now = createValue(Date.now());
setInterval(() => now.set(Date.now()), 20_000);

export const useNow = () => useValue(now);
