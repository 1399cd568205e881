import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { ActionName, StatusInfo, StoreInfo } from "../../protocol.js";

/** Store that is shown. */
export const StoreContext = createContext<StoreInfo | null>(null);

/** Returns the store that is shown. Views are rendered only with one. */
export function useStore(): StoreInfo {
  const store = useContext(StoreContext);
  if (store === null) throw new Error("A view is rendered without a store.");
  return store;
}

export const may = (store: StoreInfo, name: ActionName): boolean => store.actions.includes(name);

export const statusOf = (store: StoreInfo, name: string): StatusInfo | undefined =>
  store.statuses.find((each) => each.name === name);

/** Sort of a status, which selects its shape and color. */
export type StatusSort = "initial" | "active" | "good" | "bad" | "ended";

/** A definition does not say if a final status is a success, so its name decides. Other final statuses have a neutral mark. */
const BAD = /fail|error|reject|cancel|abort|abandon|dead|expired|timed/i;
const GOOD = /done|complete|succe|finish|ready|publish|deliver|^ok$/i;

export function sortOf(status: StatusInfo | undefined): StatusSort {
  if (status === undefined) return "ended";
  if (!status.final) return status.initial ? "initial" : "active";
  if (BAD.test(status.name)) return "bad";
  return GOOD.test(status.name) ? "good" : "ended";
}

/** Returns the sum of the counts of all statuses. */
export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, each) => total + each, 0);
