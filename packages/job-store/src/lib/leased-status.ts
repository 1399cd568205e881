import type { StoreConfig } from "./driver.js";

/** Returns true if a job can have a lease in a status: it is not final and follows itself, or the definition does not contain it. */
export function canHaveLease({ statuses, sources, finalStatuses }: StoreConfig, status: string): boolean {
  if (!statuses.includes(status)) return true;
  return !finalStatuses.includes(status) && sources.get(status)?.includes(status) === true;
}
