import { onTestFinished } from "vitest";
import {
  createJobStore,
  createReporter,
  type Job,
  type JobStore,
  type JobStoreError,
  type JobStoreOptions,
  type Reporter,
  type ReporterOptions,
} from "../src/index.js";
import { type Report, report, type Status } from "../src/lib/contract/definitions.js";
import { Outage } from "./reporter-outage.js";

export interface Rejection {
  readonly id: string;
  readonly to: Status;
  readonly error: JobStoreError;
}

export interface Fixture {
  readonly store: JobStore<Report>;
  readonly outage: Outage;
  readonly reporter: Reporter<Report>;
  readonly rejected: Rejection[];
}

/** Creates a reporter for a memory store that the test can make unavailable. */
export function openReporter(
  options: ReporterOptions<Report> & {
    readonly outage?: Outage;
    readonly store?: Partial<JobStoreOptions<Report>>;
  } = {},
): Fixture {
  const { outage = new Outage(), store: storeOptions, ...rest } = options;
  const store = createJobStore({ ...storeOptions, job: report, driver: outage.driver });
  const rejected: Rejection[] = [];
  const reporter = createReporter(store, { onRejected: (change) => rejected.push(change), ...rest });
  onTestFinished(async () => {
    await reporter.close();
    await store.close();
  });
  return { store, outage, reporter, rejected };
}

/** Returns the history of a job as text: "1 waiting, 2 working". */
export function told(job: Job<Report> | null): string | undefined {
  return job?.history.map(({ version, to }) => `${version} ${to}`).join(", ");
}
