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

/** Store, and what an action of a user on it needs. */
export interface ActionContext extends CallContext {
  /** User, as the author of changes. */
  readonly by: string;
  /** Id of the action. A repeated request has the same one, and acts once. */
  readonly requestId: string;
}
