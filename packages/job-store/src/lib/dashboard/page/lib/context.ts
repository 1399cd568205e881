import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { ActionName, Ending, StatusInfo, StoreInfo } from "../../protocol.js";

/** Ending of the newest job in each final status. */
export type Endings = Readonly<Record<string, Ending>>;

/** Endings in the store that is shown. A status is absent if no job is in it, or if its ending is not known yet. */
export const EndingsContext = createContext<Endings>({});

/** Store that is shown. */
export const StoreContext = createContext<StoreInfo | null>(null);

/** Returns the store that is shown. Views are rendered only with one. */
export function useStore(): StoreInfo {
  const store = useContext(StoreContext);
  if (store === null) throw new Error("A view is rendered without a store.");
  return store;
}

/** Returns true if the user may perform one of the actions. */
export const may = (store: StoreInfo, ...names: readonly ActionName[]): boolean =>
  names.some((name) => store.actions.includes(name));

/** Returns true if the user may change the status of jobs, or delete them. */
export const mayChangeJobs = (store: StoreInfo): boolean => may(store, "retry", "move", "delete");

export const statusOf = (store: StoreInfo, name: string): StatusInfo | undefined =>
  store.statuses.find((each) => each.name === name);

/** Sort of a status, which selects its shape and color. */
export type StatusSort = "initial" | "active" | "good" | "bad" | "ended";

/** A definition does not say if a final status is a success. The newest job in it does: it has an error, or it has a result. */
const SORTS: Readonly<Record<Ending, StatusSort>> = { error: "bad", result: "good", neither: "ended" };

/** Returns the sort of a status of the store that is shown. */
export function useSort(name: string): StatusSort {
  const status = statusOf(useStore(), name);
  const ending = useContext(EndingsContext)[name];
  if (status !== undefined && !status.final) return status.initial ? "initial" : "active";
  return ending === undefined ? "ended" : SORTS[ending];
}

/** Returns the sum of the counts of all statuses. */
export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, each) => total + each, 0);
