import { inspect } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { JobStoreError } from "../src/index.js";

describe("JobStoreError", () => {
  test("is an Error with a code and only the given fields", () => {
    const error = new JobStoreError("CONFLICT", "Job a has moved on.", {
      jobId: "a",
      currentVersion: 3,
      from: undefined,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "JobStoreError", code: "CONFLICT", jobId: "a", currentVersion: 3 });
    expect(`${error}`).toBe("JobStoreError: Job a has moved on.");
    expect(Object.keys(error).toSorted()).toEqual(["code", "currentVersion", "jobId", "name"]);
    expect(inspect(error)).not.toContain("undefined");
  });

  test("has read-only fields", () => {
    const error = new JobStoreError("CONFLICT", "Job a has moved on.", { currentVersion: 3 });
    expect(() => Object.assign(error, { currentVersion: 4 })).toThrow(TypeError);
    expect(error.currentVersion).toBe(3);
  });

  test("can be distinguished by its code", () => {
    const error: unknown = new JobStoreError("NOT_FOUND", "There is no job a.");
    expect(JobStoreError.is(error)).toBe(true);
    expect(JobStoreError.is(error, "NOT_FOUND")).toBe(true);
    expect(JobStoreError.is(error, "CONFLICT")).toBe(false);
  });

  test("is not recognized in objects that only have the same fields", () => {
    const alike = Object.assign(new Error("alike"), { name: "JobStoreError", code: "NOT_FOUND" });
    const branded = { [Symbol.for("@subtitles/job-store/error")]: true, code: "NOT_FOUND" };
    for (const other of [alike, branded, { ...alike }, new Error("x"), "NOT_FOUND", 7, null, undefined]) {
      expect(JobStoreError.is(other)).toBe(false);
      expect(JobStoreError.is(other, "NOT_FOUND")).toBe(false);
    }
  });
});

describe("JobStoreError of another copy of the package", () => {
  beforeEach(() => {
    vi.resetModules();
  });

  test("is another class, and both copies recognize the errors of the other one", async () => {
    const copy = await import("../src/index.js");
    expect(copy.JobStoreError).not.toBe(JobStoreError);
    const [ours, theirs] = [JobStoreError, copy.JobStoreError].map(
      (Class) => new Class("CLOSED", "The store is closed."),
    );
    expect(theirs).not.toBeInstanceOf(JobStoreError);
    expect(JobStoreError.is(theirs, "CLOSED")).toBe(true);
    expect(copy.JobStoreError.is(ours, "CLOSED")).toBe(true);
    expect(JobStoreError.is(theirs, "TIMEOUT")).toBe(false);
  });
});
