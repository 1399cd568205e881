import { type TestContext, test } from "vitest";
import { createJobStore, type JobDefinition, type JobStore, type JobStoreOptions } from "../../index.js";
import { type Report, report } from "./definitions.js";
import type { Place } from "./place.js";

type Options<D extends JobDefinition> = Omit<JobStoreOptions<D>, "job" | "driver">;

/** What a test is given. */
export interface Fixtures {
  /** A store of reports over this test's own place. */
  readonly store: JobStore<Report>;
  /** Opens more stores over the same place. */
  readonly stores: Stores;
  readonly place: Place;
  /** Ends the test as skipped. */
  readonly skip: (reason: string) => void;
}

export interface Context {
  /** Declares a test with a place of its own, whose stores are closed at its end. */
  test(title: string, body: (fixtures: Fixtures) => Promise<void>): void;
}

/** The stores of one test, all over one place. */
export class Stores {
  readonly #place: Place;
  readonly #opened: { close(): Promise<void> }[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  open(options: Options<Report> = {}): JobStore<Report> {
    return this.openFor(report, options);
  }

  openFor<D extends JobDefinition>(job: D, options: Options<D> = {}): JobStore<D> {
    return this.#keep(createJobStore({ ...options, job, driver: this.#place.driver }));
  }

  /** As another process would: over a driver of its own, where the place can give one. */
  openApart(options: Options<Report> = {}): JobStore<Report> {
    const driver = this.#place.again?.() ?? this.#place.driver;
    return this.#keep(createJobStore({ ...options, job: report, driver }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((store) => store.close()));
  }

  #keep<D extends JobDefinition>(store: JobStore<D>): JobStore<D> {
    this.#opened.push(store);
    return store;
  }
}

/** Nothing here takes long by itself, but a server may be far away and the machine busy. */
const TIMEOUT_MS = 180_000;

export function createContext(open: () => Promise<Place>): Context {
  return {
    test: (title, body) =>
      test(title, { timeout: TIMEOUT_MS }, async ({ skip }: TestContext) => {
        const place = await open();
        const stores = new Stores(place);
        try {
          await body({ store: stores.open(), stores, place, skip: (reason) => skip(reason) });
        } finally {
          await stores.close();
          await place.close?.();
        }
      }),
  };
}
