import { createValue, useValue } from "./value.js";

/** Current time in milliseconds, with the accuracy of texts such as "3 minutes ago". */
const now = createValue(Date.now());
setInterval(() => now.set(Date.now()), 20_000);

export const useNow = () => useValue(now);
