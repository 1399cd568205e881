import { type TestContext, test } from "vitest";
import {
  createJobStore,
  type JobDefinition,
  type JobStore,
  type JobStoreDriver,
  type JobStoreOptions,
} from "../../index.js";
import { type Report, report } from "./definitions.js";

type Options<D extends JobDefinition> = Omit<JobStoreOptions<D>, "job" | "driver">;

/** Input of a test. */
export interface Fixtures {
  /** Store of reports in the storage of this test. */
  readonly store: JobStore<Report>;
  /** Opens more stores in the same storage. */
  readonly stores: Stores;
  readonly underTest: DriverUnderTest;
  /** Skips the rest of the test. */
  readonly skip: (reason: string) => void;
}

export interface Context {
  /** Declares a test with a storage of its own. Its stores are closed at the end. */
  test(title: string, body: (fixtures: Fixtures) => Promise<void>): void;
}

/** Stores of one test, all in the same storage. */
export class Stores {
  readonly #underTest: DriverUnderTest;
  readonly #opened: { close(): Promise<void> }[] = [];

  constructor(underTest: DriverUnderTest) {
    this.#underTest = underTest;
  }

  open(options: Options<Report> = {}): JobStore<Report> {
    return this.openFor(report, options);
  }

  openFor<D extends JobDefinition>(job: D, options: Options<D> = {}, driver = this.#underTest.driver): JobStore<D> {
    return this.#keep(createJobStore({ ...options, job, driver }));
  }

  /** Opens a store with a driver of its own, like another process, if the storage supports that. */
  openApart(options: Options<Report> = {}): JobStore<Report> {
    const driver = this.#underTest.again?.() ?? this.#underTest.driver;
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

/** Time limit of a test in milliseconds. The tests are short, but the server can be remote and the machine busy. */
const TIMEOUT_MS = 180_000;

export function createContext(open: () => Promise<DriverUnderTest>): Context {
  return {
    test: (title, body) =>
      test(title, { timeout: TIMEOUT_MS }, async ({ skip }: TestContext) => {
        const underTest = await open();
        const stores = new Stores(underTest);
        try {
          await body({ store: stores.open(), stores, underTest, skip: (reason) => skip(reason) });
        } finally {
          await stores.close();
          await underTest.close?.();
        }
      }),
  };
}

/** Driver for one test. Its storage is empty, and no other test uses it: a new driver, or a private key prefix. */
export interface DriverUnderTest {
  /** Driver to test. */
  readonly driver: JobStoreDriver;
  /**
   * Creates another driver object for the same storage, like another process, so that concurrent writers use separate
   * connections. If it is absent, they share `driver`.
   */
  readonly again?: (() => JobStoreDriver) | undefined;
  /** Number of shards, each with its share of a `maxCount`. @default 1 */
  readonly shards?: number | undefined;
  /** Overwrites a stored job with a value that is not a record. If it is absent, tests that need it are skipped. */
  readonly corrupt?: ((id: string) => Promise<void>) | undefined;
  /** Deletes the storage. Called after all stores were closed. */
  readonly close?: (() => Promise<void>) | undefined;
}
