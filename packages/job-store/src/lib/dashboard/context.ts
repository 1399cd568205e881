import type { OpenedStore, StoreSource } from "./stores.js";
import type { Values } from "./values.js";

/** Store, and what a call on it needs. */
export interface CallContext {
  /** Key of the store. */
  readonly key: string;
  readonly source: StoreSource;
  readonly opened: OpenedStore;
  readonly values: Values;
}
