import type { JobDefinition } from "../definition.js";
import type { JobStoreDriver } from "../driver.js";
import { JobStoreError } from "../errors.js";
import { openRecordedStore } from "../store/recorded-store.js";
import { StoreClock } from "./clock.js";
import type { DashboardJobStore, DashboardStore } from "./options.js";
import { shareCall } from "./promises.js";
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
  /** Metadata with which the store was opened, as text. */
  #recorded = "";

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

  /**
   * Opens the store again if a service has recorded another definition since. Called when a page loads. Pages that load at the same time
   * share the call, so that the store is opened once. @throws JobStoreError UNAVAILABLE
   */
  readonly refresh = shareCall(() => this.#refresh());

  async #refresh(): Promise<OpenedStore> {
    const { driver } = this.options;
    const opened = await this.open();
    if (driver === undefined || (await recordedText(driver)) === this.#recorded) return opened;
    const close = this.#close;
    this.#opened = null;
    try {
      return await this.open();
    } finally {
      // Pages that listen call again, and then reach the new store.
      opened.watch.close();
      await close?.();
    }
  }

  async #open(): Promise<OpenedStore> {
    const { store, driver } = this.options;
    if (store !== undefined) {
      if (!("lifecycle" in store)) return opened(store, { lifecycle: true, hasDefinition: true });
      return opened(store.store, { lifecycle: store.lifecycle !== null, hasDefinition: false });
    }
    this.#recorded = await recordedText(driver);
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

async function recordedText(driver: JobStoreDriver): Promise<string> {
  const metadata = await driver.readMetadata();
  return JSON.stringify(metadata && { ...metadata, statuses: [...metadata.statuses] });
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
