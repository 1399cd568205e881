import {
  type Change,
  createReporter,
  type Job,
  type JobStore,
  type JobStoreError,
  type RejectedChange,
  type Reporter,
} from "@subtitles/job-store";
import { describe, expectTypeOf, test } from "vitest";
import type { Report, Status } from "../src/lib/contract/definitions.js";

declare const store: JobStore<Report>;
declare const job: Job<Report>;
declare const working: Job<Report, "working">;

describe("createReporter", () => {
  test("has the types of its store's definition", () => {
    const reporter = createReporter(store);
    expectTypeOf(reporter).toEqualTypeOf<Reporter<Report>>();
    expectTypeOf(reporter.report).parameters.toEqualTypeOf<
      [string | Job<Report>, Status, (Change<Report> | undefined)?]
    >();
    expectTypeOf(reporter.report).returns.resolves.toEqualTypeOf<"stored" | "pending" | "rejected">();
    expectTypeOf(reporter.progress).returns.toEqualTypeOf<void>();
    expectTypeOf(reporter.pending).toEqualTypeOf<number>();
    expectTypeOf(reporter).toExtend<AsyncDisposable>();
  });

  test("accepts an id, and a snapshot in any status", () => {
    const reporter = createReporter(store, {});
    void reporter.report("a", "working");
    void reporter.report(job, "working", { by: undefined, note: undefined });
    void reporter.report(working, "done", { result: { url: "x" } });
    reporter.progress(working, { done: 1 });
    // @ts-expect-error: not a status of this definition
    void reporter.report("a", "finished");
    // @ts-expect-error: a result that does not match the schema
    void reporter.report("a", "done", { result: { url: 1 } });
    // @ts-expect-error: progress that does not match the schema
    reporter.progress("a", { done: "1" });
    // @ts-expect-error: read-only
    reporter.pending = 0;
  });

  test("accepts undefined for every option, and types the rejected change", () => {
    createReporter(store, { maxPending: undefined, onRejected: undefined });
    createReporter(store, {
      onRejected: (change) => {
        expectTypeOf(change).toEqualTypeOf<RejectedChange<Report>>();
        expectTypeOf(change.to).toEqualTypeOf<Status>();
        expectTypeOf(change.error).toEqualTypeOf<JobStoreError>();
      },
    });
    // @ts-expect-error: an unknown option
    createReporter(store, { maxpending: 1 });
  });
});
