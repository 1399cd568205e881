import { describe, expect, test } from "vitest";
import { type Call, isExplained, type Part } from "./linearize.js";
import type { ModelJob } from "./model-job.js";

const job = (version: number, status: ModelJob["status"] = "working"): ModelJob => {
  return { id: "a", version, status, attempt: 1, done: null, url: null, label: null, history: [] };
};
/** Part that writes a version after the one before. */
const writes =
  (version: number, status?: ModelJob["status"]): Part =>
  (jobs) =>
    (jobs.get("a")?.version ?? 0) === version - 1
      ? [{ jobs: new Map([["a", job(version, status)]]), message: `a.${version}` }]
      : [];
/** Part that reads a version; 0: there is no job. */
const reads =
  (version: number): Part =>
  (jobs) =>
    (jobs.get("a")?.version ?? 0) === version ? [{ jobs }] : [];
const call = (begun: number, ended: number, ...parts: Part[]): Call => ({ begun, ended, parts, text: "" });
const explained = (messages: string[], ...clients: Call[][]) =>
  isExplained(clients, { messages, expiring: new Set(["done"]) });

describe("an order is found", () => {
  test("if calls overlap, in both orders", () => {
    expect(explained(["a.2", "a.1"], [call(0, 9, writes(2))], [call(1, 8, writes(1)), call(10, 11, reads(2))])).toBe(
      true,
    );
  });
  test("if a read returns the state before or after an overlapping write", () => {
    for (const version of [0, 1])
      expect(explained(["a.1"], [call(0, 9, writes(1))], [call(1, 2, reads(version))])).toBe(true);
  });
  test("if the parts of one call read different states", () => {
    const writer = [call(1, 2, writes(1)), call(3, 4, writes(2))];
    expect(explained(["a.1", "a.2"], [call(0, 9, reads(0), reads(2))], writer)).toBe(true);
  });
  test("if a job expires between two calls", () => {
    expect(explained(["a.1"], [call(0, 1, writes(1, "done")), call(2, 3, reads(0))])).toBe(true);
  });
  test("if only the messages show whether the change of an expired job was applied", () => {
    const perhaps: Part = (jobs) => [{ jobs }, ...writes(1, "done")(jobs)];
    for (const messages of [[], ["a.1"]]) {
      expect(explained(messages, [call(0, 1, perhaps), call(2, 3, reads(0))])).toBe(true);
    }
  });
});

describe("no order is found", () => {
  test("if a read that began after a write does not return it", () => {
    expect(explained(["a.1"], [call(0, 1, writes(1))], [call(2, 3, reads(0))])).toBe(false);
  });
  test("if two clients made the same change", () => {
    expect(explained(["a.1", "a.1"], [call(0, 9, writes(1))], [call(0, 9, writes(1))])).toBe(false);
  });
  test("if a client reads an older state after a newer one", () => {
    expect(explained(["a.1"], [call(0, 9, writes(1))], [call(1, 2, reads(1)), call(3, 4, reads(0))])).toBe(false);
  });
  test("if a job disappears that cannot expire", () => {
    expect(explained(["a.1"], [call(0, 1, writes(1)), call(2, 3, reads(0))])).toBe(false);
  });
  test("if a message is missing, duplicate or unknown", () => {
    for (const messages of [[], ["a.1", "a.1"], ["a.1", "b.1"]]) {
      expect(explained(messages, [call(0, 1, writes(1))])).toBe(false);
    }
  });
});
