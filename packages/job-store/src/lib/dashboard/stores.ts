import type { JobDefinition } from "../definition.js";
import { JobStoreError } from "../errors.js";
import { openRecordedStore } from "../recorded-store.js";
import { StoreClock } from "./clock.js";
import type { DashboardJobStore, DashboardStore } from "./options.js";
import type { StatusInfo } from "./protocol.js";
import { SharedWatch } from "./watch.js";

/** Open store of a dashboard. */
export interface OpenedStore {
  readonly store: DashboardJobStore;
  /** False: its lifecycle is unknown, so jobs cannot be changed. */
  readonly lifecycle: boolean;
  /** True: the process has the definition, so jobs can be created. */
  readonly hasDefinition: boolean;
  /** Clock of its server. */
  readonly clock: StoreClock;
  /** Watch that all pages share. */
  readonly watch: SharedWatch;
}

/** Store of a dashboard. It is opened at the first request, and again if that fails. */
export class StoreSource {
  readonly options: DashboardStore;
  #opened: Promise<OpenedStore> | null = null;
  #close: (() => Promise<void>) | null = null;

  constructor(options: DashboardStore) {
    this.options = options;
  }

  /** @throws JobStoreError UNAVAILABLE */
  open(): Promise<OpenedStore> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  async #open(): Promise<OpenedStore> {
    const { store, driver } = this.options;
    if (store !== undefined) {
      if (!("lifecycle" in store)) return opened(store, { lifecycle: true, hasDefinition: true });
      return opened(store.store, { lifecycle: store.lifecycle !== null, hasDefinition: false });
    }
    const recorded = await openRecordedStore(driver);
    if (recorded === null) {
      const message = "No service has used this store yet. Start a service that uses it, then load the page again.";
      throw new JobStoreError("UNAVAILABLE", message, { indeterminate: false });
    }
    this.#close = () => recorded.store.close();
    return opened(recorded.store, { lifecycle: recorded.lifecycle !== null, hasDefinition: false });
  }

  /** Ends the live updates, and closes the store if this object has opened it. */
  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => null);
    opened?.watch.close();
    await this.#close?.();
  }
}

function opened(store: DashboardJobStore, known: Pick<OpenedStore, "lifecycle" | "hasDefinition">): OpenedStore {
  const clock = new StoreClock(store);
  return { store, ...known, clock, watch: new SharedWatch(store, () => clock.now()) };
}

/** Describes the statuses of a definition, in its order. */
export function statusesOf({ initial, statuses }: JobDefinition): readonly StatusInfo[] {
  return Object.entries(statuses).map(([name, { next, final = false, timeoutSeconds, sends = [] }]) => ({
    name,
    initial: name === initial,
    final,
    next,
    retryTo: final ? next : [],
    timeoutSeconds: timeoutSeconds ?? null,
    sends: sends.map(({ queue }) => queue),
  }));
}
