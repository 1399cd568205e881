import type { JobStoreDriver } from "../../index.js";

/** Somewhere to keep jobs that no other test can see: a fresh driver, a private key prefix. */
export interface Place {
  /** The driver that is tried. */
  readonly driver: JobStoreDriver;
  /**
   * Another driver object over the same place, as another process would have it, so that racing writers come over
   * separate connections. Where it is absent, they share `driver`.
   */
  readonly again?: (() => JobStoreDriver) | undefined;
  /** How many parts jobs are spread over, each with its share of a `maxCount`. @default 1 */
  readonly shards?: number | undefined;
  /** Overwrites a stored job with something that no driver wrote. Where it is absent, the tests that need it skip. */
  readonly corrupt?: ((id: string) => Promise<void>) | undefined;
  /** Clears the place away. Every store over it is closed by then. */
  readonly close?: (() => Promise<void>) | undefined;
}
